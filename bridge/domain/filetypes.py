"""Which kind of file some bytes are, by how they begin: never by what somebody calls them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileType:
    """A kind of file that is passed on, and the ending of its name."""

    content_type: str
    ending: str


def _type(content_type: str, ending: str) -> FileType:
    return FileType(content_type=content_type, ending=ending)


_BEGINNINGS = (
    (b"\xff\xd8\xff", _type("image/jpeg", "jpg")),
    (b"\x89PNG\r\n\x1a\n", _type("image/png", "png")),
    (b"GIF87a", _type("image/gif", "gif")),
    (b"GIF89a", _type("image/gif", "gif")),
    (b"%PDF-", _type("application/pdf", "pdf")),
    (b"#!AMR", _type("audio/amr", "amr")),
    (b"OggS", _type("audio/ogg", "ogg")),
    (b"ID3", _type("audio/mpeg", "mp3")),
    (b"\xff\xfb", _type("audio/mpeg", "mp3")),
    (b"BEGIN:VCARD", _type("text/vcard", "vcf")),
    (b"BEGIN:VCALENDAR", _type("text/calendar", "ics")),
)
_RIFF = {b"WEBP": _type("image/webp", "webp"), b"WAVE": _type("audio/wav", "wav")}
# ISO/IEC 14496-12: a box "ftyp" comes first, and names the brand.
_BRANDS = {
    b"hei": _type("image/heic", "heic"),
    b"mif": _type("image/heif", "heif"),
    b"avi": _type("image/avif", "avif"),
    b"3gp": _type("video/3gpp", "3gp"),
    b"3g2": _type("video/3gpp2", "3g2"),
    b"qt ": _type("video/quicktime", "mov"),
    b"M4A": _type("audio/mp4", "m4a"),
    b"mp4": _type("video/mp4", "mp4"),
    b"iso": _type("video/mp4", "mp4"),
    b"M4V": _type("video/mp4", "mp4"),
}


def type_of(content: bytes) -> FileType | None:
    """The kind of a file; None where it is none that is passed on (markup, programs, archives)."""
    for beginning, found in _BEGINNINGS:
        if content.startswith(beginning):
            return found
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:11])
    return None
