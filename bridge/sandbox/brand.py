"""The brand of `bridge demo`: its settings, who works there, and what customers write to it.

All numbers are from the ranges kept for fiction: +1 202 555 01xx, +44 7700 900xxx.
"""

from __future__ import annotations

from typing import Final

from bridge.domain.roles import Role
from bridge.sandbox import story

ACME: Final = "+12025550100"
ORDERS: Final = "+18005550199"
VIP: Final = "US:50500"  # a short code, as an address
LONDON: Final = "+447700900500"
UNKNOWN: Final = "+12025550198"  # is no sender, and somebody texts it all the same

ADMIN: Final = "Alex Rivera"
MANAGER: Final = "Morgan Lee"
VIEWER: Final = "Sam Okafor"
USERS: Final[tuple[tuple[Role, str], ...]] = (
    ("admin", ADMIN),
    ("manager", MANAGER),
    ("viewer", VIEWER),
)

# What the operator began with; then what people changed in the console, day by day.
BEGINNING: Final = (
    story.SETTINGS
    + f"""
[[senders]]
number = "{LONDON}"
carrier = "twilio"
country = "GB"
name = "Acme London"
tags = ["uk"]
hours = "London shop"
countries = ["GB", "IE"]

[[lists]]
name = "back in stock"

[[hours]]
name = "London shop"
zone = "Europe/London"
open = ["Mon-Fri 09:00-17:30", "Sat 10:00-16:00"]
holidays = ["12-25", "12-26", "01-01"]
"""
)
GREETED: Final = (
    BEGINNING
    + f"""
[[auto_replies]]
name = "London"
senders = ["{LONDON}"]
greeting = "Hello from Acme London. A person answers within the hour. STOP ends texts."
out_of_hours = "The shop is closed now. We answer when it opens: Mon-Fri 9:00, Sat 10:00."
"""
)
SETTINGS: Final = (
    GREETED
    + f"""
[[keywords]]
words = ["STOCK", "RESTOCK"]
match = "first_word"
lists = ["back in stock"]
confirm = "Shall we text you when something is back? Reply YES, at most 4 texts a month."
reply = "You are on the list. Reply STOP to end."

[[keywords]]
words = ["OPENING HOURS"]
match = "any_word"
senders = ["{LONDON}"]
reply = "Mon-Fri 9:00-17:30, Sat 10:00-16:00. 12 Marsh Lane, London."

[[keywords]]
words = ["CLUB", "VIP"]
match = "any_word"
set_tags = ["asked_about_club"]
ticket = true

[[keywords]]
words = ["STOCK LIST"]
set_tags = ["catalogue"]
reply = "The list of all teapots: https://acme.example/teapots"

[[templates]]
name = "On its way"
text = 'Hello {{{{ contact.first_name | default: "there" }}}}, your order left our warehouse today.'

[[templates]]
name = "Solved"
text = 'Ticket {{{{ ticket.id }}}} is solved. Just text us here if anything is left.'
"""
)
CHANGES: Final = ((6, ADMIN, GREETED), (3, MANAGER, SETTINGS))  # so many days ago, by whom

NAMES: Final = tuple(
    """
Ada Bell, Amir Khan, Beatriz Lima, Ben Carter, Carla Rossi, Chen Wei, Dana Novak, David Osei,
Elena Petrova, Emily Walker, Farid Haddad, Fiona Murray, Gita Rao, Grace Kim, Hannah Weiss,
Hugo Martin, Ines Duarte, Ivan Horvat, James Cole, Jana Schulz, Kofi Mensah, Laura Jensen,
Leo Fischer, Lucia Gomez, Maria Silva, Marta Kowalska, Mei Tanaka, Miguel Torres, Nadia Aziz,
Nina Berg, Olivia Grant, Omar Farouk, Paula Mendes, Peter Lang, Priya Shah, Rachel Stone,
Rosa Vidal, Ryan Hughes, Sara Lindqvist, Sofia Conti, Tara Singh, Tom Baker, Uma Nair,
Victor Blanc, Wendy Park, Yusuf Demir, Zoe Adams
""".replace("\n", " ")
    .strip()
    .split(", ")
)

# "<" is the customer, ">" an agent, a line each; {order} is some order's number.
DIALOGUES: Final = tuple(
    tuple(line for line in told.strip().splitlines())
    for told in (
        """
<Where is my parcel? Order {order}
>It left our warehouse this morning and should be with you tomorrow before noon.
<Great, thank you!
""",
        """
<Hi, the lid of my teapot arrived broken 😢
>I'm sorry about that. Could you tell me your order number?
<{order}
>Thank you. A new lid is on its way, free of charge. No need to send the old one back.
<That was quick, thanks a lot!
""",
        """
<Can I still change the address of order {order}?
>Yes, it has not left yet. Where should it go?
<12 Alder Street, flat 3, same town
>Done. You will get a confirmation by e-mail.
""",
        """
<Do you ship to Ireland?
>We do: 3 to 5 days, 6.90 in all. Free above 50.
""",
        """
<I was charged twice for {order}
>I can see both charges. The second one is only reserved and drops off within two days.
<ok. and if it doesn't?
>Then text us here and we refund it the same day.
""",
        """
<is the blue one coming back
>The blue Marlow is expected on the 3rd. Text STOCK and we tell you when it is here.
""",
        """
<How do I send something back?
>Use the label that came with it and drop it at any post office within 30 days:<br>
1. tape the box<br>2. stick the label on<br>3. keep the receipt
<perfect
""",
        """
<Hola, mi paquete no ha llegado. Pedido {order}
>Lo siento. Hoy mismo pregunto al transportista y le escribo.
>El transportista lo entrega mañana por la mañana.
<Muchas gracias
""",
        """
<The kettle makes a rattling noise when it boils, is that normal?
>A little is normal in the first week. If it goes on, we exchange it.
<it goes on...
>Then a new one leaves today. Please keep the box for the old one.
""",
        """
<Can you call me? It's about {order}
""",
        """
<My code WELCOME10 doesn't work
>It is for first orders. I have put 10% on your account instead, good until Sunday.
<You are the best!!
""",
        """
<delivery says "left with neighbour" but which one??
>With number 14, says the driver. Do tell us if they don't have it.
<found it, thx
""",
        """
<Is the Harbour mug dishwasher safe?
>Yes, top rack. The gold rim is not, so that one by hand please.
""",
        """
<Please send the invoice for {order} to accounts@brightside.example
>Sent just now.
""",
    )
)
