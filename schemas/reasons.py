"""Why something was left out: one vocabulary for tables, reports and docs, each name with a hint."""

REJECTS: dict[str, str] = {
    "missing_image": "the image file is not there: check the image folder setting and the path in the row",
    "unreadable_image": "not an image, or cut short: fetch the file again",
    "image_too_large": "more pixels than ingest.max_pixels: raise the limit if you trust the source",
    "unreachable_image": "the address of the image does not answer: run the build again, or fetch the images first",
    "unsafe_path": "the path points outside the source's folder: set source.images to one that you trust",
    "empty_caption": "the caption is missing or blank: nothing to negate",
    "caption_too_long": "more characters than ingest.max_caption_characters: no caption, or raise the limit",
    "caption_not_utf8": "the caption is not valid UTF-8: set source.encoding, or convert the file",
    "malformed_row": "the row could not be read at all: see the detail",
    "unreadable_file": "a file, or the rest of one, could not be read; what other files hold was: see the detail",
    "duplicate_pair": "the same caption of the same image came before: one copy is enough",
    "misassigned": "the caption fits another picture better: see the table `alignment`, and curate.misassigned",
}

# Why a whole caption has no wrong ones.
CAPTIONS: dict[str, str] = {
    "not_english": "the caption is in another language (parses.language): negatives are made of English captions only",
    "too_long": "the caption is longer than any parser takes: cut it, or lower ingest.max_caption_characters",
    "no_candidate": "nothing in the caption can be changed: see the caption and text.operations",
}

CHECKS: dict[str, str] = {
    "leaked": "the language model's answer has words of the prompt in it, or is no line of text",
    "not_asked": "the language model changed something else than it was asked to, or more than one thing",
    "not_the_same": "the paraphrase says something else, more or less than the caption",
    "unchanged": "the wrong caption equals the original",
    "same_words": "only the order of words differs and no meaning hangs on it",
    "symmetric": "swapped across 'and', 'next to', 'with' between equals: still says the same thing",
    "synonym": "the new word can mean the same as the old, or is more general",
    "entailed": "the new word is said of this image by one of its other captions",
    "reference": "the wrong caption is another caption of the same image",
    "incompatible": "the new phrase does not go with its noun, as far as this corpus and WordNet tell",
    "compatible": "the new words and the old ones may both be true of a picture, as far as WordNet and our lists tell",
    "unasserted": "the change stands under a negation, in a question, or beside an 'or' or 'might': it may be true",
    "verbatim": "the changed words are no English to be rewritten: quoted, a name, number, address or list mark",
    "ungrammatical": "agreement, article or sense could not be kept",
    "outranked": "another candidate's plausibility is nearer to the original's",
}

# What neither the corpus nor the lexical data can tell: a wrong caption that may be true all the same.
DOUBTS: dict[str, str] = {
    "things": "nothing says that the new thing and the old one exclude each other, or that both may be there",
    "gender": "one caption of several says that somebody is a man or a woman, so that it may not be seen",
    "relations": "what is left of one thing and above another may be above the one and left of the other as well",
    "roles": "a still picture may not show which of two that run is after the other",
    "side": "left and right may be meant as the one sees it who is seen, or who sees the picture",
    "attributes": "no caption says what the thing is like, so that it may be as the wrong one says",
}

IMAGE_CHECKS: dict[str, str] = {
    "leaked": "the language model's answer has words of the prompt in it, or is no line of text",
    "not_asked": "the language model changed something else than it was asked to, or more than one thing",
    "no_scene": "the original picture has no scene to draw again: render works on sources of scenes only",
    "unreadable": "the wrong caption is none that the world of the scene knows: nothing to draw",
    "no_change": "no small change of the scene was found that makes the wrong caption true",
    "no_phrase": "the changed words belong to nothing that can be pointed at: no mask",
    "no_mask": "no mask maker found where the changed words' thing is: name another in images.masks.makers",
    "bad_regions": "the source's regions are no JSON list of {phrase, box or polygon}: see source.regions_column",
    "mask_too_large": "the mask covers more of the picture than images.masks.most: it names nothing in particular",
    "fits_both": "mined: the right caption may be true of the other picture too, as far as its captions tell",
    "unsafe": "the pipeline's safety checker blacked the picture out",
}

# Why a row has no score of a model; it is counted in the ledger, and drops nothing.
SCORE_CHECKS: dict[str, str] = {
    "no_number": "the model's answer is no number, as half precision can overflow: set compute.dtype to float32",
}

# Given by `select` itself, besides the rules of the config.
SELECT_REASONS: dict[str, str] = {
    "easier": "another of its operation on this caption is harder for the targets (select.hardest)",
    "unbalanced": "no mate of the opposite sign: with it, a blind model would tell this operation's negatives",
}

HINTS: dict[str, str] = {**REJECTS, **CAPTIONS, **CHECKS, **IMAGE_CHECKS, **SCORE_CHECKS, **SELECT_REASONS}
