"""PDF and DOCX files, made for tests."""

import io
import zipfile
from collections.abc import Sequence

SPACE = "http://schemas.openxmlformats.org"
# Every code of the font is the Unicode character itself, but those that the tests leave out.
MAP = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
%d beginbfrange
%s
endbfrange endcmap CMapName currentdict /CMap defineresource pop end end"""
RANGES = b"\n".join(b"<%02X00> <%02XFF> <%02X00>" % (high, high, high) for high in range(0xE0))

HEADING = '<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/></w:style>'


def pdf(content: bytes, *, packed: bool = False) -> bytes:
    """A document of one page with this content stream."""
    return pdf_of_pages([content], filter_=b" /Filter /FlateDecode" if packed else b"")


def pdf_of_pages(contents: Sequence[bytes], filter_: bytes = b"") -> bytes:
    """A document with these content streams; /F1 is Helvetica, and /F2 has any character as UTF-16."""
    kids = b" ".join(b"%d 0 R" % (8 + 2 * n) for n in range(len(contents)))
    mapping = MAP % (RANGES.count(b"\n") + 1, RANGES)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        b"<< /Font << /F1 4 0 R /F2 5 0 R >> /XObject << /Scan 7 0 R >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H /ToUnicode 6 0 R"
        b" /DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any /DW 1000"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>] >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(mapping), mapping),
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
        b" /Length 1 >>\nstream\n\x80\nendstream",
    ]
    for number, content in enumerate(contents):
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources 3 0 R /Contents %d 0 R >>"
            % (9 + 2 * number),
            b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(content), filter_, content),
        ]
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end


def page(lines: Sequence[str], *, top: int = 720, leading: int = 14) -> bytes:
    """A content stream with these lines of text, from the top of the page."""
    shown = "".join(f"{_shown(line)} T* " for line in lines)
    return f"BT {leading} TL 72 {top} Td {shown}ET ".encode("latin-1")


def _shown(line: str) -> str:
    """What shows a line: as Latin text, or of any script as UTF-16."""
    if line.isascii():
        escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        return f"/F1 12 Tf ({escaped}) Tj"
    return f"/F2 12 Tf <{line.encode('utf-16-be').hex()}> Tj"


def docx(body: str, more: dict[str, str] | None = None, relations: str = "") -> bytes:
    """A document of these paragraphs in WordprocessingML.

    Args:
        more: other parts of the package: name -> content.
        relations: the relationships of the document part.
    """
    types = (
        f'<Types xmlns="{SPACE}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    )
    main = f'<Relationship Id="r1" Type="{SPACE}/officeDocument/2006/relationships/officeDocument"'
    names = (
        f'xmlns:w="{SPACE}/wordprocessingml/2006/main" '
        f'xmlns:m="{SPACE}/officeDocument/2006/math" '
        f'xmlns:r="{SPACE}/officeDocument/2006/relationships"'
    )
    styles = (
        f'<Relationship Id="s1" Type="{SPACE}/officeDocument/2006/relationships/styles" Target="styles.xml"/>'
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", types)
        file.writestr("_rels/.rels", _relations(f'{main} Target="word/document.xml"/>'))
        file.writestr("word/document.xml", f"<w:document {names}><w:body>{body}</w:body></w:document>")
        file.writestr("word/_rels/document.xml.rels", _relations(f"{styles}{relations}"))
        file.writestr("word/styles.xml", f"<w:styles {names}>{HEADING}</w:styles>")
        for name, content in (more or {}).items():
            file.writestr(name, content)
    return packed.getvalue()


def _relations(inner: str) -> str:
    return f'<Relationships xmlns="{SPACE}/package/2006/relationships">{inner}</Relationships>'


def paragraph(text: str, style: str = "") -> str:
    said = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{said}<w:r><w:t>{text}</w:t></w:r></w:p>"


def cell(text: str, properties: str = "") -> str:
    """A cell of a table in WordprocessingML."""
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(cells)}</w:tr>"
