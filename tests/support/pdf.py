"""Small PDF files, made in the tests that read them."""

from collections.abc import Sequence
from io import BytesIO

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject


def pdf_of(
    pages: Sequence[str], *, title: str = "", password: str | None = None, algorithm: str | None = None
) -> bytes:
    """A file with one line of ASCII text a page; an empty text gives a page without any."""
    return pdf_with(
        [f"BT /F1 12 Tf 20 100 Td ({page}) Tj ET".encode() if page else b"" for page in pages],
        title,
        password,
        algorithm,
    )


def pdf_with(
    contents: Sequence[bytes], title: str = "", password: str | None = None, algorithm: str | None = None
) -> bytes:
    """A file whose pages draw what these content streams say."""
    writer = PdfWriter()
    for content in contents:
        font = DictionaryObject(
            {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")}
            | {NameObject("/BaseFont"): NameObject("/Helvetica")}
        )
        page = writer.add_blank_page(200, 200)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(content)
        page[NameObject("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    if password is not None:
        writer.encrypt(password, algorithm=algorithm)
    written = BytesIO()
    writer.write(written)
    return written.getvalue()
