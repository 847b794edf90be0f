# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Texts that break tokenizers. All of it is valid Unicode; bytes that are not are the C++ tests' own business."""

import random
import unicodedata

SCRIPTS = [
    "The quick brown fox jumps over the lazy dog.",
    "Voilà l'été où naïve Zoë mangea des crêpes à Besançon, ça va?",
    "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. STRASSE/ẞ/ß",
    "Příliš žluťoučký kůň úpěl ďábelské ódy; Zażółć gęślą jaźń; İstanbul ılık",
    "Tiếng Việt: chữ Quốc ngữ với dấu thanh điệu",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία· ΣΑΣ σας",
    "Съешь ещё этих мягких французских булок, да выпей чаю. Їжак ґедзь",
    "نص حكيم له سر قاطع وذو شأن عظيم، مكتوب على ثوب أخضر؟ لا",
    "דג סקרן שט בים מאוכזב ולפתע מצא לו חברה; שָׁלוֹם״",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश। क्षत्रिय १२३",
    "আমি বাংলায় গান গাই। ৪৫৬",
    "ਪੰਜਾਬੀ ગુજરાતી ଓଡ଼ିଆ தமிழ் తెలుగు ಕನ್ನಡ മലയാളം සිංහල",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ๑๒๓",
    "ພາສາລາວ မြန်မာဘာသာ ភាសាខ្មែរ བོད་སྐད།",
    "天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。「引用」『書名』",
    "いろはにほへと ちりぬるを カタカナ ｶﾀｶﾅ ー々〆〇",
    "키스의 고유조건은 입술끼리 만나야 하고. ㄱㄴㄷ 한글",
    "ქართული ანბანი ᲥᲐᲠᲗᲣᲚᲘ ԱԲԳ հայերեն։",
    "አማርኛ ፊደል፡ሰላም። ፩፪፫ ᏣᎳᎩ ᐃᓄᒃᑎᑐᑦ ᚠᚢᚦᚨᚱᚲ ᚛ᚑᚌᚐᚋ᚜",
    "ⵜⴰⵎⴰⵣⵉⵖⵜ ߒߞߏ ꆈꌠꉙ ᠮᠣᠩᠭᠣᠯ ᮞᮥᮔ᮪ᮓ ꦧꦱꦗꦮ",
    "𐌰𐌱𐌲 𒀀𒀁 𓀀𓀁 𐎀𐎁 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒳𝟙𝟚𝟛 𠀀𠀁 𞤀𞤣𞤤𞤢𞤥",
    "ﷺ ﷽ ﬁﬂ ﬃ ǅ ǆ ǈ ㎏ ㋿ ℡ № ™ Å K Ω",
]

DIGITS = [
    *("1234567890123"[:n] for n in range(1, 14)),
    "0", "00", "000", "0000", "007", "3.14159265", "1,234,567.89", "-42", "+1", "1e-10", "0x1F", "192.168.0.1",
    "a1b22c333d4444e55555", "12a", "a12", " 1", " 12", " 123", " 1234", "1 2 3", "12 345 6789", "123abc456", "12\n345",
    "2026-11-23T14:00:00Z", "$100", "100%", "1st2nd3rd", "(123)456-7890", "123456!789", "1'2", "1's", "٣٤٥1234",
    "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴", "०१२३४५", "０１２３４５６", "𝟎𝟏𝟐𝟑", "①②③⑩⑳", "²³¹", "x²y³z¹", "1²", "²1", "12³45", "x²+y²=z²",
    "¼½¾", "1½", "½1", "⅐⅑⅒⅓⅔", "ⅠⅡⅢⅣⅤⅫ", "ⅰⅱⅲ", "一二三四五", "㊀㊁", "零〇", "¹²³⁴⁵⁶", "₀₁₂₃", "෧෨෩", "༠༡༢༳", "፲፳፻",
]  # fmt: skip

EMOJI = [
    "😀😃😄", "👍🏻👍🏽👍🏿", "👨‍👩‍👧‍👦", "👩🏽‍🚀", "🏳️‍🌈", "🏴‍☠️", "🇫🇷🇩🇪🇯🇵", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣2️⃣#️⃣*️⃣", "❤️", "❤", "☺︎☺️",
    "a😀b", " 😀", "😀 ", "😀1", "1😀", "😀!", "!😀", "🤷🏾‍♂️ shrug", "🫠🫱🏻‍🫲🏿", "⌚⏰⭐✨",
]  # fmt: skip

# UTF-8 bytes B2 B3 B9 BC BD BE stand as the characters ² ³ ¹ ¼ ½ ¾ once byte-mapped: numbers to a Digits step.
BYTE_MAP_TRAPS = [
    "ò", "ó", "ù", "ü", "ý", "þ", "²", "³", "¹", "¼", "½", "¾", "Ĳ", "ĳ", "Ĺ", "ļ", "Ľ", "ľ", "IJIJ", "ŉ", "Ń", "ŀ", "Ā", "Ł",
    "größe über für", "coração não são pão", "còsì più perché", "señor años", "El niño comió piñón", "Ðórr þýðing úr íslensku",
    "ò1", "1ò", "ò12ó345", "12ü", "üü", "üüü", "aüb", " ü", "ü ", "ü!", "!ü", "yýþ", "ò\n", "Ň", "²ò³ó", "½ü¼", "ν", "β", "γ", "ι", "м", "н",
    "о", "в", "г", "й", "ʼ", "ʽ", "ʹ", "ʲ", "ʳ", "弼", "弽", "念", "쳳", "가¹", "Ⳳ", "￼", "�", "\u00ad", "soft\u00adhyphen", "\u00a0", "a\u00a0b", "¡¿", "ĠĊċ", "Ġ", "Ċ",
    "Ģ", "ł", "Ń1", "Ā\x00", "ā\x01",
]  # fmt: skip

CONTROLS = [
    "\x00", "a\x00b", "\x00\x00\x00", " \x00", "\x00 ", "\x01\x02\x03", "\x07bell\x08", "\x1b[31mred\x1b[0m", "\x7f", "\x80\x9f", "\x85",
    "\u200b", "a\u200bb", "\u200c\u200d\u200e\u200f", "\u2060\ufeff", "\ufeffBOM", "\u202a\u202e\u2066\u2069", "\ufff9\ufffa\ufffb",
    "\ufffd", "\ufffe\uffff", "\U0010ffff", "\U000e0001\U000e0020", "\ue000\uf8ff", "\U000f0000\U00100000",
    "\ud7ff\ue000", "\u0080", "\u07ff\u0800", "\uffff\U00010000",
]  # fmt: skip

SPACES = [
    "", " ", "  ", "   ", "        ", " a", "  a", "   a", "a ", "a  ", "a   ", "a b", "a  b", "a   b", " a b ", "\t", "\t\t", "\ta", " \ta",
    "\t a", "a\tb", "a \t b", "\n", "\n\n", "\n\n\n", "a\n", "\na", "a\nb", "a\n\nb", "a\n\n\n  b", " \n ", " \n\n a", "\r", "\r\n", "\r\n\r\n",
    "a\r\nb", "a\r\n\r\n  b\r\n", "\n\r", "\v\f", "a\vb\fc", "\x1c\x1d\x1e\x1f", "a\x1cb", "a \x1f b", "\x85a", "a\x85 b", "\u00a0\u00a0a",
    "a\u1680b", "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", "a\u2003 b", "a \u2003b", "a\u2028b\u2029c", "a\u202fb\u205fc\u3000d",
    "　　全角", "\u180ea", "a \u00a0 b", "x = 1\n    if y:\n\t\treturn  z\n", "trailing   \n   leading", " !", "  !", "! ", "!  !", " 1", "  1", "1  1",
    "\n1", "\n !", "word \n", "word\n word",
]  # fmt: skip

CONTRACTIONS = [
    "I'm you're he's we'd they'll I've don't", "I'M YOU'RE HE'S WE'D THEY'LL I'VE DON'T", "it's", "'s", " 's", "'ll", "'LL", "'re've'd'm't", "it’s don’t ’s ’ll",
    "'sword", "'twas", "rock'n'roll", "dogs' bones", "''s", "'''", "a'", "'a", "' s", "can't've", "O'Neill", "l'homme", "1's 2'll", "é's", "'é", "'ſ", "'K",
]  # fmt: skip

PUNCTUATION = [
    "!", "!!", "!!!", "?!?!", "...", "…", ". . .", "--", "---", "—", "–", "a-b", "a--b", "a - b", "a -- b", "(a)", "((a))", "[a]{b}<c>", "\"quoted\"", "“quoted”", "‘quoted’",
    "«a» ‹b› „c“ ‚d‘", "a,b;c:d", "a, b; c: d", "#hashtag @user $5 50% a&b *bold* _under_ ~tilde~ `code` ^caret |pipe| \\back/ a=b a+b <a>", "$$$", "+++", "===", "<<<>>>", "|||", "^^^", "~~~", "```",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "¡¿§¶·†‡•‣※", "‖‗′″‴", "₠€£¥₿¢", "±×÷≠≤≥∞∫∑√", "←↑→↓⇒", "™®©℠", "、。〈〉《》「」【】〜", "؟،؛٪", "।॥", "።፣፤", "᠁᠃", "!?。！？", "!。", "a!。b",
    "~!", "!~", "$!", "!$", "€!", "!€", "+-", "<-", "->", "=>", "...!", "end.\n", "end.\nStart", "end. Start", "\"Oh!\" she said, \"no...\"", "http://example.com/a_b?c=d&e=f#g", "user@example.com",
    "C:\\path\\file.txt", "a_b_c", "__init__", "snake_case_name", "CamelCaseName", "if (x<=10) { y+=2; } // note", "\u2e4f", " \u2e4f", " \u166d", " \U000111c9", "a \u2e43 b",
]  # fmt: skip

MARKS = [
    "e\u0301", "é", "a\u0300\u0301\u0302", "n\u0303", "\u0301", " \u0301", "\u0301\u0301", "1\u0301", "!\u0301", "Z̸̢͎̈́a̵l̶͝g̷̿o̴", "q\u0323\u0307", "\u1e9b\u0323", "क्‍ष", "நி", "กำ", "각", "\u1112\u1161\u11ab",
    "a\u20dd", "x\u20e3", "का", "a\u0488", "\u0903", "A\u030a", "ﾊﾞ", "が", "か\u3099",
]  # fmt: skip

LONG = [
    "a" * 300, "ab" * 200, "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen", "pneumonoultramicroscopicsilicovolcanoconiosis", "é" * 100, "語" * 100,
    "!" * 200, " " * 200, "\n" * 100, "7" * 100, "x" * 50 + " " + "y" * 50, "aaaaaaa" * 10 + "b", "Once upon a time " * 10, "\u0301" * 50, "👍🏽" * 20,
]  # fmt: skip

GROUPS = {
    "scripts": SCRIPTS,
    "digits": DIGITS,
    "emoji": EMOJI,
    "byte map": BYTE_MAP_TRAPS,
    "controls": CONTROLS,
    "spaces": SPACES,
    "contractions": CONTRACTIONS,
    "punctuation": PUNCTUATION,
    "marks": MARKS,
    "long": LONG,
}


def single_code_points():
    """Each of U+0000..U+017F by itself: every byte value, and every character that a byte is mapped to."""
    return [chr(c) for c in range(0x180)]


def assigned():
    """Code points with a meaning in the Unicode version of this Python, by category; no surrogates."""
    by_category = {}
    for code in range(0x110000):
        category = unicodedata.category(chr(code))
        if category not in ("Cn", "Cs"):
            by_category.setdefault(category, []).append(chr(code))
    return dict(sorted(by_category.items()))


def every_punctuation_mark(per_text=16):
    """Every character of the P categories after a space, where only a Punctuation step cuts it from the space."""
    marks = sorted(c for category, members in assigned().items() if category[0] == "P" for c in members)
    return ["".join(f" {c}" for c in marks[i : i + per_text]) for i in range(0, len(marks), per_text)]


def category_samples(per_category=12):
    """A spread of every category, next to a letter, a digit, a space and a mark: the regex classes' boundaries."""
    texts = []
    for members in assigned().values():
        step = max(1, len(members) // per_category)
        texts += [f"a{c}1{c} {c}!{c}" for c in members[::step][:per_category]]
    return texts


def random_texts(count, seed=20260101):
    """Random mixtures of everything above with ordinary words, short and long."""
    rng = random.Random(seed)
    categories = list(assigned().values())
    pieces = [text for group in GROUPS.values() for text in group if len(text) < 12]

    def piece():
        kind = rng.randrange(6)
        if kind == 0:
            return rng.choice(rng.choice(categories))
        if kind == 1:
            return chr(rng.randrange(0x180))
        if kind == 2:
            return str(rng.randrange(10 ** rng.randrange(1, 9)))
        if kind == 3:
            return rng.choice([" ", " ", "  ", "\n", "\t", "\u00a0", "'", "-", ".", "\u3000"])
        if kind == 4:
            return rng.choice(["the", " king", " said", "Queen", " forest", "'s", " Übermut", " où"])
        return rng.choice(pieces)

    return ["".join(piece() for _ in range(rng.randrange(1, 16))) for _ in range(count)]
