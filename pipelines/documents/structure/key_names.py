"""Names that stand before their values without a colon, or above them, in receipts, invoices and forms."""

from pipelines.linear_patterns import compile_text, text_begins, text_is

_THING = (
    r"(?:(?:tax |proforma |sales )?invoice|receipt|bill|order|booking|reservation|customer|client|account|contract"
    r"|policy|reference|ref|transaction|trans|document|doc|delivery|purchase order|po|p\.o\."
    r"|cheque|check|table|ticket|serial"
    r"|member|card|vat|gst|tax|company|co|reg|registration|approval|auth|terminal|batch|merchant|hsn|pan|case|file"
    r"|rechnungs?|kunden?|bestell|auftrags?|beleg|liefer|vertrags?|facture|commande|client|contrat|dossier|siret|siren"
    r"|factuur|order|klant|bestel|fattura|ordine|cliente|factura|pedido|fatura)"
)
_MARK = r"(?:nos?\.?|n[°ºo]\.?|nr\.?|num(?:ber|mer|éro|ero)?|#|id|code)"
_WORD = (
    r"(?:(?:invoice |order |bill |due |issue |delivery |start |end |transaction )?date|due|datum|fecha|data"
    r"|date de .{3,20}|(?:payment|delivery) (?:mode|method|terms)|check (?:in|out)"
    r"|(?:bank|guest|customer|account|client) name"
    r"|time|zeit|heure|hora|tijd|currency|terms|cashier|operator|server|iban|bic|swift|ifsc code|gstin|cin|btw|tva|mwst"
    r"|rechnungsnummer|rechnungsdatum|kundennummer|factuurnummer|factuurdatum|klantnummer|ordernummer|lieferdatum"
    r"|bestellnummer|auftragsnummer|belegnummer|steuernummer|ust-?id(?:nr)?\.?|tel(?:ephone|efon)?\.?|phone|ph\.?|fax"
    r"|mobile|e-?mail)"
)
_is_name = text_is(rf"(?:{_THING}\s?{_MARK}|{_WORD})\s*[.:]?", ignore_case=True)
_NUMBERED = compile_text(
    rf"^((?:\p{{L}}[\p{{L}}.]*\s){{0,2}}{_THING}\s?(?:nos?\.|n[°º]\.?|nr\.?|number|num(?:mer|éro)?\.?|#|id)|btw|tva|vat|gst|tel|phone|fax)"
    r"[.:]?\s?(\S*\d\S*)",
    ignore_case=True,
)


_OPENING_WORDS = (
    "in on at by from to until since as for if when see our your der die das wir ich er sie es ein eine am im vom seit "
    "le la les un une il elle nous vous en au aux el los las een het"
)
_SENTENCE_WORDS = "the a an i we you he she they it this that is was were are be been has have had will"
_WEEKDAY_NAMES = (
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag "
    "sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo "
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag"
)
_OPENERS, _WEEKDAYS = frozenset(_OPENING_WORDS.split()), frozenset(_WEEKDAY_NAMES.split())
_IN_SENTENCES = frozenset(_SENTENCE_WORDS.split())
_names_number = text_begins(
    r"(?s:.*)(?:\b(?:nos?\b|nr\b|numm?(?:ber|mer|éro|ero)|code|model|version|part\b|size)|#|°)", ignore_case=True
)


def is_key_name(text: str) -> bool:
    """Whether it names a value, such as `Order no.`, `Booking ID` or `Date`, and says nothing else."""
    return _is_name(text.strip())


def find_value_after_name(text: str) -> int | None:
    """Where the value begins in `Facture n° 2022089083`, `BTW NL810433941B01`, `TEL (03) 5241 8855`."""
    match = _NUMBERED.search(text.encode(errors="replace").decode())
    return int(match.span(2)[0]) if match is not None else None


def reads_as_name(text: str) -> bool:
    """Whether words before a value can name it: those of a sentence, such as `We paid`, and weekdays do not."""
    words = [word.strip(".,:;()") for word in text.casefold().split()]
    is_opening = len(words) > 1 and words[0] in _OPENERS
    return not is_opening and _IN_SENTENCES.isdisjoint(words) and not _WEEKDAYS.issuperset(words)


def names_number(key: str) -> bool:
    """Whether the key is that of a number or code, which may look like a date: `Part no.`, `Sort code`."""
    return _names_number(key)
