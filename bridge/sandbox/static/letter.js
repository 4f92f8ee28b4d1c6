// A reply as long as a letter: it has to leave in parts, and arrive in order.

const OPENING =
  "Thank you for writing to us about your order. It left our warehouse as ten parcels, and we have " +
  "asked after each of them, with the warehouse and with the courier. This is what we found, " +
  "parcel by parcel, so that nothing is left open.";

const CLOSING =
  "That is all we know today, and the courier has promised us the rest by tomorrow noon. If " +
  "anything in this letter does not match what is on your doorstep, just answer with the number of " +
  "the parcel, and we will look into it at once. With kind regards and thanks for your patience, " +
  "Robin from Acme.";

const paragraph = (number) =>
  `${number}. Parcel ${number} of 10 was packed by hand, weighed, and given to the courier on ` +
  "Monday evening. It was scanned at the depot in your city early on Wednesday, and it was on the " +
  "van the same morning. The driver found nobody at home, so the parcel went to the neighbour whom " +
  "you named in your order. Please look for a card in your letter box: it says where the parcel " +
  "is, and until when it is kept. Nothing was damaged on the way, as far as they could see.";

/** Exactly 5,000 characters in paragraphs, numbered so that order can be seen on the phone. */
export function longLetter() {
  const parcels = Array.from({ length: 10 }, (_, place) => paragraph(place + 1));
  return [OPENING, ...parcels, CLOSING];
}
