"""How people ask for no more texts when they don't write STOP, language by language.

A phrase is written in words: `(a|b)` is one of them, `[a]` may be left out, `{name}` stands for an
entry of NOUNS. Case, accents and punctuation count for nothing, as with keywords; a comma is
written where the language wants one. Taken are whole clauses that a reasonable person understands
as a wish to get no more texts (47 CFR 64.1200(a)(10)); where the same words are as likely said of
an order, a course or a contract, they stand under WHOLE and count as the whole text only.
"""

# ruff: noqa: RUF001 - other scripts have letters that look like ours
from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NOUNS: Final[Mapping[str, str]] = {
    "texts": """[spam|promo|promotional|marketing|advertising|automated] (texts|text|text messages|
        text message|txts|txt|messages|message|msgs|msg|sms|smses|sms messages)""",
    "these": "[(all|any|more|any more|any of|all of|all the)] [(these|those|this|your|the|such|\
    more)]",
    "texting": """(texting|textin|txting|messaging|messageing|msging|smsing|contacting|writing|
        writing to|spamming|bothering|harassing|bugging|blowing up|reaching out to)""",
    "me": "(me|us|this number|this phone|my number|my phone|my cell|me on this number|me here)",
    "list": """(your|this|the mailing|the text|the sms|the marketing|your mailing|your text|
        your texting|your sms|your contact|your marketing|your phone|your call) (list|lists)""",
    "leave": "(unsubscribe|unsuscribe|unsubcribe|unsubsribe|unsubscibe|opt out)",
    "sms_fr": "(message|messages|sms|texto|textos|msg|msgs|pub|pubs|publicité|publicités)",
    "some_fr": "[(de|des|ces|vos|tes|les|tous ces|tous vos|aucun)]",
    "list_fr": "(votre|vos|cette|ta) (liste|listes|fichier|fichiers|base) [de diffusion]",
    "sms_es": "(mensaje|mensajes|mensajitos|sms|texto|textos|publicidad|propaganda|spam)",
    "some_es": "[(más|estos|esos|sus|tus|tantos|ningún|más de estos)]",
    "send_es": """(envíen|envíe|envíes|manden|mande|mandes|escriban|escriba|escribas|texteen|
        contacten|contacte|contactes|molesten|moleste|molestes)""",
    "list_es": "(su|sus|la|esta|tu) (lista|listas|base de datos)",
    "sms_pt": "(mensagem|mensagens|sms|torpedos|textos|propaganda|propagandas|spam)",
    "some_pt": "[(mais|essas|estas|suas|as suas|vossas|as vossas|tantas|mais essas)]",
    "send_pt": """(mande|mandem|manda|envie|enviem|envia|escreva|escrevam|contate|contatem|\
    contacte|
        contactem|incomode|incomodem|perturbe|perturbem)""",
    "sms_de": """(Nachrichten|Nachricht|SMS|Textnachrichten|Mitteilungen|Werbung|Werbenachrichten|
        Werbe SMS|Spam)""",
    "polite_de": "[(bitte|endlich)]",
    "list_de": "(dem|Ihrem|eurem|der|Ihrer|eurer|dieser) (Verteiler|Liste)",
    "stop_de": "(hör|hört|hören Sie|hoer|hoert|hoeren Sie|aufhören|aufhoeren)",
    "number_de": "(Nummer|Handynummer|Telefonnummer|Rufnummer)",
    "sms_it": "(messaggio|messaggi|messaggini|sms|pubblicità|spam)",
    "some_it": "[(altri|questi|i vostri|vostri|i suoi|più|di questi)]",
    "to_me_it": "(scrivermi|mandarmi|inviarmi|contattarmi|disturbarmi|messaggiarmi)",
    "list_it": "(dalla|dalle|da questa) [(vostra|vostre|sua)] (lista|liste|mailing list|rubrica)",
    "sms_nl": "(berichten|berichtjes|bericht|sms|smsjes|smsen|appjes|reclame|spam)",
    "me_nl": "(mij|me)",
    "polite_nl": "[(aub|alstublieft|alsjeblieft)]",
    "sms_ru": "(сообщения|сообщений|смс|смски|эсэмэски|рассылку|рассылки|спам|рекламу)",
    "some_ru": "[(эти|свои|ваши|такие)]",
    "send_ru": """(пишите|пиши|шлите|шли|присылайте|отправляйте|высылайте|беспокойте|писать|слать|
        присылать|отправлять|беспокоить)""",
}

# What may stand before and behind such a clause without changing what it means.
BEFORE: Final = """
    please, pls, plz, kindly, hi, hello, hey, ok, okay, sorry, so, well, look, just, again, guys,
    thanks, thank you, (can|could|would|will) (you|u|yall), i said, stop, team, omg, god,
    (i want|i need|i would like|id like|im asking|i asked|ive asked|i told|ive told|
    i already (asked|told)) (you|u) [guys] [again] to, you (need|have) to, for the last time,
    wrong (number|person), [you have] the wrong (number|person), not interested,
    i am not interested, im not interested, no (thank you|thanks|thx),
    s'il vous plaît, s'il te plaît, svp, stp, bonjour, bonsoir, salut, merci, merci de, veuillez,
    (pouvez|pourriez) vous, je vous (demande|prie) de,
    por favor, porfavor, porfa, hola, buenos días, buenas tardes, buenas, (puede|pueden|podría|
    podrían), [(les|le) pido|quiero|necesito|solicito] que, favor de, gracias,
    olá, oi, bom dia, boa tarde, pfv, favor, (pode|podem|poderia|poderiam), (gostaria|peço) que,
    bitte, hallo, guten Tag, (können|könnten|koennen|koennten) Sie, ich bitte Sie, danke, also,
    per favore, per piacere, ciao, salve, buongiorno, buonasera, (potete|può|potreste|potrebbe),
    vi prego [di], la prego di, gentilmente, grazie,
    aub, alstublieft, alsjeblieft, graag, hoi, dag, (kunt|wilt) u, (kunnen|willen) jullie, kun je,
    пожалуйста, прошу [вас], очень прошу, просьба, здравствуйте, добрый день, привет, (вы можете|
    можете), я, παρακαλώ, בבקשה, אנא, שלום
"""
BEHIND: Final = """
    please, pls, plz, now, right now, immediately, asap, at once, thanks, thank you, thx, ty,
    again, anymore, any more, any longer, no more, ever, ever again, at all, forever, for good,
    already, ok, okay, guys, sir, from now on, wrong (number|person),
    [you have] the wrong (number|person), not interested, i am not interested, im not interested,
    no (thank you|thanks|thx), sent from my (iphone|ipad|android|galaxy|
    samsung|phone|mobile|mobile device|android device|samsung galaxy smartphone),
    get outlook for (ios|android), envoyé de mon (iphone|ipad|téléphone|mobile),
    enviado desde mi (iphone|ipad|teléfono|móvil), enviado do meu (iphone|ipad|celular),
    von meinem (iphone|ipad|handy) gesendet, gesendet von meinem (iphone|ipad|handy),
    inviato da (iphone|ipad), verzonden vanaf mijn (iphone|ipad|telefoon),
    s'il vous plaît, s'il te plaît, svp, stp, merci, merci d'avance, maintenant, immédiatement,
    tout de suite, jamais, cordialement,
    por favor, porfavor, porfa, gracias, ya, ahora, nunca más, nunca, más, inmediatamente,
    obrigado, obrigada, agora, já, nunca mais, pfv, bitte, danke, vielen Dank, sofort, endlich,
    per favore, per piacere, grazie, subito, mai più, ora, adesso, aub, alstublieft, alsjeblieft,
    svp, graag, bedankt, dank u, dank je, nu, ooit, пожалуйста, спасибо, больше, никогда, срочно,
    немедленно, уже, παρακαλώ, ευχαριστώ, πια, πλέον, בבקשה, תודה, יותר
"""
OATHS: Final = """fuck, fucking, fuckin, fking, fkn, freaking, frickin, damn, damned, goddamn,
    bloody, hell, ffs, wtf, verdammt, merde, putain, cazzo, joder, puta, блин"""
AND: Final = "(and|or|et|ou|y|e|und|oder|en|of|и|και)"

CLAUSES: Final = """
(stop|quit|cease) [with] {these} {texts}
(end|cancel) {these} (texts|text messages|txts|messages|sms)
(stop|quit|cease) {texting} [{me}]
(stop|quit|cease) sending [({me}|to {me})] {these} ({texts}|spam|ads|promotions|promos) [to {me}]
(stop|quit|cease) (the|this|all the|your|with the) (spam|spamming|texting)
stop (spamming|spam)
(do not|dont|never) (text|txt|message|msg|sms|contact|write|write to|bother|spam) {me}
(do not|dont|never) (text|txt)
(do not|dont|never) send [({me}|to {me})] {these} {texts} [to {me}]
no more (texts|text messages|txts|messages|msgs|sms|texting|spam) [(to {me}|from you)]
i (do not|dont|no longer) (want|wish|need) [to (get|receive|recieve|see)] {these} {texts} \
    [from you]
i (do not|dont|no longer) (want|wish) to be (texted|messaged|contacted|on {list})
i (do not|dont) want you to (text|message|contact) {me}
i (want|wish|would like|need|am trying) to {leave} [(from|of) {these} ({texts}|{list})]
id like to {leave} [(from|of) {these} ({texts}|{list})]
(i (want|wish|would like|need) to|id like to) stop (getting|receiving|recieving) {these} {texts}
(i (want|wish|would like|need) to|id like to) be (removed|taken off|unsubscribed) [(from|off)] \
    {list}
{leave} [(me|this number|my number)] [(from|of)] {these} {texts}
{leave} [(me|this number|my number)] [from] [{list}]
opt me out [of {these} {texts}]
(remove|take|get|delete|drop) (me|my number|my phone number|this number) (off|from|off of) {list}
(remove|take|delete) (me|my number|this number) (off|from) {these} {texts}
(remove|delete|lose|forget) (my number|my phone number|this number) [from your (system|\
    database|contacts)]
leave me [the] alone
(how|where) (do|can|could) i ({leave}|get off {list}|stop [(getting|receiving|recieving)] \
    {these} {texts})
how (do|can|could) i (stop|cancel|end) (these|your|all these|getting|getting these|receiving) \
    {texts}

[ne] (m'envoyez|m'envoie|m'écrivez|m'écris|m'envoyer|m'écrire) plus [jamais] [{some_fr} {sms_fr}]
ne (m'envoyez|m'envoie) plus rien
[ne] n'envoyez plus {some_fr} {sms_fr}
ne me (contactez|contacte|textez|texte|dérangez|sollicitez) plus [jamais]
ne plus (m'envoyer|m'écrire|me contacter|me texter|me déranger|me solliciter) [{some_fr} {sms_fr}]
ne plus recevoir {some_fr} {sms_fr}
ne pas m'envoyer {some_fr} {sms_fr}
(arrêtez|arrête|arrêter|d'arrêter|cessez|cesser|stoppez|stop) de (m'envoyer {some_fr} {sms_fr}|\
    m'écrire)
(arrêtez|arrête|arrêter|d'arrêter|cessez|cesser|stop) de me (contacter|texter|déranger|\
    harceler|spammer)
(arrêtez|arrête|arrêter|d'arrêter|cessez|stoppez|stop) [avec] (les|ces|vos|tes|tous ces|aux) \
    {sms_fr}
stop (sms|textos|pub|pubs|publicité)
plus (aucun|jamais de) {sms_fr}
je [ne] (veux|souhaite|désire) plus [(recevoir|avoir)] {some_fr} {sms_fr} [de (votre|ta) part]
je ne (veux|souhaite|désire) pas [recevoir] {some_fr} {sms_fr} [de (votre|ta) part]
je [ne] (veux|souhaite) plus être (contacté|contactée|sollicité|sollicitée) [par (sms|texto)]
(désabonnez|désabonne|désinscrivez|désinscris) moi [de {list_fr}]
[je (veux|souhaite|voudrais|désire)] me (désabonner|désinscrire) [de (vos|ces|votre) {sms_fr}]
(comment|où) (me|se) (désabonner|désinscrire)
(retirez|enlevez|supprimez|effacez|ôtez|rayez|enlève|retire) moi de {list_fr}
(retirez|enlevez|supprimez|effacez|supprime|efface) mon numéro [de {list_fr}]
(laissez|laisse) moi (tranquille|en paix)

[ya] no me {send_es} (más|nunca más) [{sms_es}]
[ya] no me {send_es} {some_es} {sms_es}
ya no me {send_es} [más]
no (envíen|envíe|envíes|manden|mandes|enviar|mandar|enviarme|mandarme) más {sms_es}
(dejen|deje|deja|dejad|paren|pare|parad|basta) de (enviarme|mandarme) {some_es} {sms_es}
(dejen|deje|deja|dejad|paren|pare|parad|basta) de (escribirme|contactarme|molestarme)
(dejen|deje|deja|paren|pare) de (enviar|mandar) {some_es} {sms_es}
[ya] no (quiero|deseo) [recibir] {some_es} {sms_es} [de ustedes]
[ya] no (quiero|deseo) que me {send_es} [más] [{sms_es}]
no más {sms_es}
basta [de] {some_es} {sms_es}
[quiero|deseo|quisiera] darme de baja de ({list_es}|[los|estos|sus] {sms_es})
(denme|deme|dame|dadme) de baja de ({list_es}|[los|estos|sus] {sms_es})
(quítenme|quíteme|quítame|bórrenme|bórreme|elimínenme|elimíneme|sáquenme|sáqueme|sácame) de \
    {list_es}
(borren|borre|eliminen|elimine|quiten|quite) mi número [de {list_es}]
(déjenme|déjeme|déjame) (en paz|tranquilo|tranquila)

não me {send_pt} mais [{sms_pt}]
não (mande|mandem|envie|enviem|enviar|mandar) mais {sms_pt} [(para|pra) (mim|este número|esse \
    número)]
não (quero|desejo) (mais|receber|mais receber|receber mais) {some_pt} {sms_pt}
não (quero|desejo) (que me {send_pt}|ser contatado|ser contatada) mais
(pare|parem|parar) de me (mandar|enviar) {some_pt} {sms_pt}
(pare|parem|parar) de me (escrever|contatar|contactar|incomodar|perturbar|mandar|enviar)
(pare|parem|deixem|deixe) de (enviar|mandar) {some_pt} {sms_pt}
chega de {sms_pt}
me (descadastre|descadastrem|desinscreva|desinscrevam)
me (tire|tirem|retire|retirem|remova|removam|exclua|excluam) (da|desta|dessa) [(sua|vossa)] lista
(retire|retirem|remova|removam|apague|apaguem|exclua|excluam) [o] meu número [da [(sua|vossa)] \
    lista]
[quero|desejo|gostaria de] (me descadastrar|sair (da|desta|dessa) lista|deixar de receber \
    {some_pt} {sms_pt})
(me deixe|me deixem|deixe me|deixem me) em paz

(schick|schickt|schicken Sie|send|sende|sendet|senden Sie|schreib|schreibt|schreiben Sie) mir \
    {polite_de} keine [solchen|weiteren] {sms_de} mehr
(schick|schickt|schicken Sie|send|sende|sendet|senden Sie|schreib|schreibt|schreiben Sie) mir \
    {polite_de} keine weiteren {sms_de}
(schreib|schreibt|schreiben Sie|kontaktiert|kontaktieren Sie|belästigt|belästigen Sie) (mir|\
    mich) {polite_de} nicht mehr
nicht mehr (schreiben|anschreiben|kontaktieren)
keine [weiteren] {sms_de} mehr [(senden|schicken|schreiben|erhalten|von Ihnen|von euch|an mich|\
    an diese Nummer)]
keine weiteren {sms_de} [(senden|schicken|schreiben|an diese Nummer)]
{stop_de} {polite_de} [auf] [damit] [,] mir (zu schreiben|zu texten|{sms_de} zu (schicken|\
    senden|schreiben))
{stop_de} {polite_de} [auf] [damit] [,] mich (zu kontaktieren|zu belästigen|anzuschreiben)
ich (möchte|moechte|will|wünsche) [(von Ihnen|von euch)] keine [weiteren] {sms_de} [mehr] \
    [(von Ihnen|von euch)] [mehr] [(bekommen|erhalten|empfangen|haben)]
ich (möchte|moechte|will) nicht mehr (kontaktiert|angeschrieben) werden
ich (möchte|moechte|will) (diese|die|Ihre|eure) {sms_de} [nicht mehr] (abbestellen|bekommen|\
    erhalten)
wie (kann ich|kann man) (diese|die|Ihre) {sms_de} abbestellen
(melden Sie|meldet|tragen Sie|tragt|nehmen Sie|nehmt|streichen Sie) mich {polite_de} (aus|von|\
    vom) {list_de} [(ab|aus)]
(nimm|nehmt|nehmen Sie) mich {polite_de} (aus|von) {list_de} [raus|heraus]
(löschen|loeschen|entfernen|streichen) Sie {polite_de} meine {number_de} [aus {list_de}]
(löscht|loescht|lösche|entfernt|entferne) {polite_de} meine {number_de} [aus {list_de}]
(lasst|lassen Sie|lass) mich {polite_de} in Ruhe
(stoppen Sie|stoppt|stopp|stop) {polite_de} (die|diese|alle|Ihre|eure) {sms_de}

non (scrivetemi|scrivermi|mandatemi|mandarmi|inviatemi|inviarmi|contattatemi|contattarmi|\
    disturbatemi|messaggiatemi) (più|mai più) [{sms_it}]
non (mandatemi|mandarmi|inviatemi|inviarmi) (altri|più) {sms_it}
non mi (scrivete|scriva|mandate|mandi|inviate|invii|contattate|contatti|disturbate|disturbi) \
    più [{sms_it}]
(smettete|smettetela|smetta|smettila|smetti|smettere|basta|finitela|piantatela) di {to_me_it} \
    [{some_it} {sms_it}]
(smettete|smetta|smetti|smettere|basta) di (mandare|inviare) {some_it} {sms_it}
basta [con] [(i|questi|gli|i vostri|vostri)] {sms_it}
non (voglio|desidero) più [ricevere] {some_it} {sms_it}
non (voglio|desidero) ricevere {some_it} {sms_it}
niente più {sms_it}
(disiscrivetemi|mi disiscriva|mi disiscrivete)
(voglio|vorrei|desidero) (disiscrivermi|cancellarmi {list_it}|non ricevere più {some_it} {sms_it})
(cancellatemi|cancellami|toglietemi|toglimi|rimuovetemi|rimuovimi|eliminatemi|mi cancelli|mi \
    tolga|mi rimuova) {list_it}
(cancellate|cancella|cancelli|rimuovete|rimuova|eliminate|elimini) il mio numero [{list_it}]
(lasciatemi|mi lasci|lasciami) (in pace|stare)

(stuur|stuurt u|zend) {me_nl} {polite_nl} geen [verdere] {sms_nl} meer
geen {sms_nl} meer [(sturen|ontvangen|versturen)]
ik (wil|wens|hoef) geen {sms_nl} meer [van (jullie|u|je)] [(ontvangen|krijgen|te ontvangen)]
ik wil (deze|die|jullie|uw) {sms_nl} niet [meer] [(ontvangen|krijgen)]
(stop|stoppen|hou op|houd op|kap) met ({me_nl}|{me_nl} te) (smsen|appen|berichten|schrijven|\
    benaderen|lastigvallen)
(stop|stoppen|hou op|houd op|kap) met {me_nl} lastig te vallen
(stop|stoppen|hou op|houd op|kap) met [({me_nl}|het)] [(deze|die|jullie|uw)] {sms_nl} [te] \
    [(sturen|versturen|zenden)]
stop (deze|die|jullie|uw) {sms_nl}
(haal|verwijder) ({me_nl}|mijn nummer) {polite_nl} (van|uit) (de|jullie|uw|deze) (lijst|\
    lijsten|bestand|maillijst|database)
verwijder {polite_nl} mijn nummer
(sms|bericht|app|schrijf) {me_nl} {polite_nl} (niet|nooit) meer
laat {me_nl} {polite_nl} met rust
neem {polite_nl} geen contact meer [met {me_nl}] op

[больше] не {send_ru} мне [больше] [{some_ru} {sms_ru}]
больше [мне] не {send_ru} [{some_ru} {sms_ru}]
[мне] не {send_ru} больше [мне] [{some_ru} {sms_ru}]
не (шлите|присылайте|отправляйте|присылать|слать) [мне] {some_ru} {sms_ru}
(прекратите|прекрати|перестаньте|перестань|хватит) [мне] (писать|слать|присылать|отправлять|\
    беспокоить) [мне] [{some_ru} {sms_ru}]
(прекратите|остановите|отключите|отмените) [(эту|вашу|свою|смс)] рассылку
отпишите меня [от (рассылки|смс|сообщений)]
(удалите|уберите|исключите) меня из [(вашей|этой|вашего|всех)] (рассылки|списка|базы|рассылок)
(хочу|желаю|как) отписаться [от (рассылки|смс|сообщений|вас)]
не (хочу|желаю) [больше] получать [больше] [от вас] {some_ru} {sms_ru}
(удалите|уберите|сотрите) мой номер [из [вашей] (базы|рассылки|списка)]
оставьте меня в покое

μη μου (στέλνετε|στείλετε|ξαναστείλετε|στέλνεις) [(άλλα|πια|πλέον)] [(μηνύματα|μήνυμα|sms)]
σταματήστε να μου στέλνετε [(μηνύματα|sms)]
δεν θέλω [να λαμβάνω] [(άλλα|πλέον|πια)] (μηνύματα|sms)
διαγράψτε (με από τη λίστα|τον αριθμό μου)

(תפסיקו|תפסיק|תפסיקי|הפסיקו) לשלוח לי [(הודעות|סמסים)]
אל (תשלחו|תשלח|תשלחי) לי [(יותר|עוד)] [(הודעות|סמסים)]
(תסירו|הסירו|תורידו|הורידו) אותי [(מהרשימה|מרשימת התפוצה|מרשימת הדיוור)]
[אני] לא (רוצה|מעוניין|מעוניינת) [לקבל] [(יותר|עוד)] (הודעות|סמסים)
"""

# The same words are said of an order, a course, a contract: only where nothing else is said.
WHOLE: Final = """
(arrêtez|arrêter|arrête|stoppez)
(stop|unsubscribe) to (end|stop|quit|cancel|opt out|unsubscribe)
(reply|text|send|txt|texting|sending) stop
opting out
(remove|unsubscribe) me
i (want|wish|would like) to be (removed|unsubscribed|taken off)
no (texts|text messages|txts) please
[quiero|deseo|quisiera] darme de baja
(denme|deme|dame|dadme) de baja
[quero] me (descadastrar|desinscrever)
[ich (möchte|moechte|will)] mich abmelden
(melden Sie|meldet|tragen Sie|tragt) mich {polite_de} (ab|aus)
wie (melde ich mich ab|kann ich mich abmelden)
(schrijf|meld) {me_nl} {polite_nl} (uit|af)
ik wil {me_nl} (uitschrijven|afmelden)
(отписаться|отписка|отпишите)
(cancellatemi|toglietemi|rimuovetemi)
"""

# What no other text has for a sentence or clause of its own, unlike CANCEL, END and QUIT.
BARE: Final = """
(stop|stop all|stopall|unsubscribe|opt out|optout|revoke|arrêt)
"""

# Scripts without blanks between words: the pieces follow one another.
GAPLESS: Final = """
[(请|請|麻烦|麻煩|拜托|拜託|求你们|求你們)] (不要|别|別|勿|停止) [(再|继续|繼續)] [(给我|給我|\
    向我)] (发|發|传|傳|发送|發送|传送|傳送) (短信|信息|消息|简讯|簡訊|讯息|訊息|广告|廣告) \
    [(给我|給我)] [了] [(谢谢|謝謝)]
[(请|請)] (不要|别|別) 再 (骚扰|騷擾|联系|聯繫|聯絡|打扰|打擾) 我 [了] [(谢谢|謝謝)]
[(请|請)] [(把|将|將)] 我 (从|從) [(你们的|你們的|贵公司的)] (名单|名單|列表|列表) [(中|里|\
    裡)] (删除|刪除|移除)
[(请|請)] (删除|刪除|移除) 我的 (号码|號碼|电话|電話|手机号|手機號)
我 (不想|不要|不愿意) [再] (收到|接收|收) [(你们的|你們的|这些|這些|任何)] (短信|信息|消息|\
    简讯|簡訊|讯息|訊息|广告|廣告) [了]
[(我要|我想|请帮我|請幫我)] (退订|退訂) [(短信|简讯|簡訊)] [(谢谢|謝謝)]

[(すみません|お願いです)] [(もう|これ以上|二度と)] (メッセージ|SMS|ショートメッセージ|\
    ショートメール|連絡) [(を|は|の送信を)] [もう] (送らないで|送信しないで|しないで|やめて|\
    止めて) (ください|下さい|くれ|ほしい|欲しい)
(もう|これ以上|二度と) (送らないで|送信しないで|連絡しないで) [(ください|下さい|くれ)]
(メッセージ|SMS|ショートメッセージ) の (配信|送信) を (停止|中止|解除) して (ください|下さい)
配信 [を] (停止|解除) [を] (して) (ください|下さい)
配信 [を] (停止|解除) [を] (お願いします|希望します|希望|お願い致します)
[(私の)] (番号|電話番号) を (削除|消去) して (ください|下さい)

[(제발|이제|더이상|더는|다시는)] (문자|메시지|문자메시지|연락|광고|광고문자|sms) [(를|을|좀)] \
    [(더이상|다시는)] (보내지|하지|주지) (마세요|말아주세요|마십시오|말아주십시오|마|말아줘|\
    마라)
[(제발|이제)] (문자|메시지|문자메시지|연락|광고) [(를|을|좀)] 그만 (보내세요|보내주세요|하세요|\
    보내|보내라|해주세요)
수신거부 (합니다|해주세요|부탁드립니다|부탁합니다|요청합니다|할게요)
(제|내|이) 번호 [(를|좀)] (삭제해|지워) (주세요|줘)
"""
