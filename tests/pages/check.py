"""Pages that were drawn: they hold something, differ by language, and say everything in both."""
import html.parser
import pathlib
import re
import subprocess
import sys

out, work = map(pathlib.Path, sys.argv[1:])
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Names that are the same in both languages: codes, units, features, numbers.
NAME = re.compile(r"^[^a-z]*$|[/_|@=]|^[\w .,()–≥<²+-]{0,40}$")
done = 0


def check(name, holds):
    global done
    if not holds:
        raise SystemExit(f"FAILED: {name}")
    done += 1


class Languages(html.parser.HTMLParser):
    """Texts in the order in which they stand, by language."""

    def __init__(self):
        super().__init__()
        self.texts = {"en": [], "zh": []}
        self.inside = None

    def handle_starttag(self, tag, attributes):
        language = dict(attributes).get("lang")
        if tag in ("span", "text") and language in self.texts:
            self.inside = language
            self.texts[language].append("")

    def handle_endtag(self, tag):
        if tag in ("span", "text"):
            self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.texts[self.inside][-1] += data


for pdf in sorted(out.glob("*.pdf")):
    told = subprocess.run(["pdfinfo", pdf], capture_output=True, text=True, check=True).stdout
    pages = int(re.search(r"Pages:\s+(\d+)", told)[1])
    check(f"{pdf.name} has a sensible number of pages ({pages})", 1 <= pages <= 20)
    text = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout
    chinese = len(CHINESE.findall(text))
    check(f"{pdf.name} is in its language ({chinese} Chinese characters)",
          chinese > 100 if pdf.name.endswith(".zh.pdf") else chinese < 60)
for page in sorted(out.glob("*.en.png")):
    other = page.with_name(page.name.replace(".en.", ".zh."))
    check(f"{page.name} is drawn", page.stat().st_size > 20_000)
    check(f"{page.name} differs from the Chinese page", page.read_bytes() != other.read_bytes())
for page in sorted(work.glob("*.en.html")):
    parser = Languages()
    parser.feed(page.read_text())
    english, chinese = parser.texts["en"], parser.texts["zh"]
    check(f"{page.name}: as many texts in both languages", len(english) == len(chinese) > 20)
    for one, other in zip(english, chinese):
        check(f"{page.name}: both languages are there: {one!r}", bool(one.strip()) == bool(other.strip()))
        if one != other or NAME.search(one):
            continue
        check(f"{page.name}: only in one language: {one!r}", CHINESE.search(other))
print(f"pages: {done} checks passed; see {out}")
