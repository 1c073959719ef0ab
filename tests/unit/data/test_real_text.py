"""Cleaning and tokenising in scripts with and without spaces, on samples and on real text.

The samples were written for these tests. Where the environment variable XMOD_REAL_TEXT names a
folder of `<iso>.*.txt` (running text, a sentence a line), the same is held to there; with `-s`,
what was kept is printed. Those files are no part of the project.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from xmod.data.cleaning import Cleaner
from xmod.data.encoding_text import encode_text
from xmod.data.sources.interface import Line
from xmod.data.splitting import fingerprint
from xmod.languages import Language, LanguageTable
from xmod.tokenization.train import train_vocabulary
from xmod.tokenization.vocabulary import END

VARIABLE = "XMOD_REAL_TEXT"
FOLDER = Path(os.environ.get(VARIABLE, ""))

SAMPLES = {
    "th": ("Thai", "วันนี้อากาศดีมาก เราไปเดินเล่นที่ตลาดริมแม่น้ำกัน"),
    "my": ("Myanmar", "ဒီနေ့ ရာသီဥတု ကောင်းတယ်။ ကျွန်တော်တို့ ဈေးကို သွားကြမယ်။"),
    "km": ("Khmer", "ថ្ងៃនេះអាកាសធាតុល្អណាស់ យើងទៅផ្សារជាមួយគ្នា"),
    "lo": ("Lao", "ມື້ນີ້ອາກາດດີຫຼາຍ ພວກເຮົາໄປຕະຫຼາດນຳກັນ"),
    "zh": ("Chinese", "今天天气很好，我们一起去河边的市场散步。"),
    "ja": ("Japanese", "今日は天気がいいので、川のそばの市場へ散歩に行きます。"),
    "am": ("Amharic", "ዛሬ አየሩ ጥሩ ነው፤ ወደ ገበያ አብረን እንሂድ።"),
    "ka": ("Georgian", "დღეს კარგი ამინდია, ბაზარში ერთად წავიდეთ."),
    "sd": ("Arabic", "اڄ موسم تمام سٺو آهي، هلو ته گڏجي بازار هلون."),
    "gd": ("Latin", "Tha an t-sìde brèagha an-diugh, thèid sinn dhan mhargaidh."),
}
Make = Callable[..., Language]


@pytest.mark.parametrize("iso", SAMPLES)
def test_a_sample_survives_cleaning_and_tokenising(
    iso: str, language: Make, tmp_path: Path
) -> None:
    script, text = SAMPLES[iso]
    cleaner = Cleaner(language(iso, script=script), is_translation=False)
    drops: Counter[str] = Counter()
    assert cleaner.clean(Line(None, f"  {text}\u200b\r"), drops) == text
    inside, letters = cleaner.count_script(text)
    assert inside == letters >= 15
    assert fingerprint(text) == fingerprint(f"{text}!! 12"), "near-duplicates go together"
    (tmp_path / "text").write_text(f"{text}\n" * 20, encoding="utf-8")
    vocabulary = train_vocabulary(
        [tmp_path / "text"], size=100, characters_per_file=10_000, character_coverage=1.0
    )
    (encoded,) = encode_text([f"{text}\n\n"], vocabulary=vocabulary)
    pieces = "".join(map(vocabulary.piece, encoded.ids[:-1].tolist()))
    assert encoded.ids[-1] == END
    assert "<unk>" not in pieces
    assert len(pieces) >= len(text.replace(" ", "")), "no character is lost"


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no folder of real text")
def test_real_text_survives_cleaning_in_every_language(table: LanguageTable) -> None:
    seen = 0
    for path in sorted(FOLDER.glob("*.txt")):
        iso = path.name.partition(".")[0]
        if iso not in table:
            continue
        seen += 1
        lines = path.read_text(encoding="utf-8").splitlines()
        cleaner = Cleaner(table[iso], is_translation=False)
        drops: Counter[str] = Counter()
        kept = [text for line in lines if (text := cleaner.clean(Line(None, line), drops))]
        inside, letters = cleaner.count_script(" ".join(kept))
        print(f"{iso}: {len(kept):,} of {len(lines):,} lines, {inside / letters:.1%} in script")
        assert len(kept) > 0.9 * len([line for line in lines if line.strip()]), (iso, drops)
        assert inside > 0.8 * letters, iso
    assert seen > 10
