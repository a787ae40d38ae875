"""The Arrow schema of every table: read this first, everything else moves these rows along.

Ids are content hashes in hexadecimal (see `schemas.ids`). Character offsets count Unicode code points of
the caption, `end` exclusive. Columns are nullable unless a comment says otherwise.
"""

import json

import pyarrow as pa

SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32())])

TOKEN = pa.struct(
    [
        ("text", pa.string()),
        ("start", pa.int32()),  # offset of the first character in the caption
        ("lemma", pa.string()),
        ("pos", pa.string()),  # universal part of speech: NOUN, ADJ, ...
        ("tag", pa.string()),  # Penn Treebank tag: NN, NNS, VBG, ...
        ("dep", pa.string()),  # dependency label of the arc to the head
        ("head", pa.int32()),  # index of the head in this list; a root is its own head
    ]
)

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])  # the Hugging Face Image convention

_SHOW_AS_PICTURES = {
    "huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}}),
}

IMAGES = pa.schema(
    [
        ("image_id", pa.string()),  # sha256 of the encoded bytes, never null
        ("image", IMAGE),  # bytes as they came, and the name they came under
        ("width", pa.int32()),  # pixels, as people see it: upright
        ("height", pa.int32()),
        ("format", pa.string()),  # JPEG, PNG, ... as Pillow names it
        # 64-bit perceptual hash; a small Hamming distance means alike. Null where a picture has nothing to see.
        ("phash", pa.uint64()),
    ],
    metadata=_SHOW_AS_PICTURES,
)

PAIRS = pa.schema(
    [
        ("pair_id", pa.string()),  # hash of image_id and caption
        ("image_id", pa.string()),
        ("caption", pa.string()),  # trimmed, in one line, without HTML's `&amp;`; otherwise as it came
        ("raw_caption", pa.string()),  # as it came, where `caption` is not that but for white space at both ends
        ("source", pa.string()),  # name of the data set it came from
        ("source_key", pa.string()),  # what the source calls this row: a file name, a COCO id, a tar key
        ("split", pa.string()),
        ("url", pa.string()),
        ("license", pa.string()),
        ("scene", pa.string()),  # JSON ground truth where it is known
        ("regions", pa.string()),  # JSON list of {phrase, box or polygon} in pixels, where the source has it
    ]
)

REJECTS = pa.schema(
    [
        ("source", pa.string()),
        ("source_key", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),  # a name from schemas.reasons.REJECTS
        ("detail", pa.string()),  # what exactly was wrong, for a person
    ]
)

UNITS = pa.schema(
    [
        ("unit", pa.binary(16)),  # hash of one image of the source with all that the source says of it
        ("rows", pa.int32()),  # rows of the source: pairs and rejects
    ]
)

PARSES = pa.schema(
    [
        ("pair_id", pa.string()),
        ("image_id", pa.string()),
        ("caption", pa.string()),
        ("tokens", pa.list_(TOKEN)),  # none of a caption that was left out
        ("language", pa.string()),  # ISO 639 code; null where there is too little to tell by
        ("left_out", pa.string()),  # a name from schemas.reasons.CAPTIONS: no negatives are tried; null otherwise
    ]
)

LEXICON = pa.schema(
    [
        ("kind", pa.string()),  # noun, attribute, relation, action, count, alternative, beside, setting or word
        # Lemma; the words themselves for a relation: "on top of". Of kind word is every word of every caption as
        # schemas.words tells them, in lower case; it has no tag, context or object.
        ("word", pa.string()),
        ("form", pa.string()),  # as it reads within a sentence: "children", "running", "SUVs"
        ("tag", pa.string()),  # Penn Treebank tag of that form
        # What it goes with. noun: the slot it fills, "ride:dobj" or "on:pobj". attribute and count: the noun.
        # action: the subject. relation: the governor. alternative: a word that other captions of the same
        # images use where this one stands.
        ("context", pa.string()),
        # noun: its determiner, "a", "the", "num" or "". action: what it takes, "dobj:ball", "through:water".
        # relation: its object.
        ("object", pa.string()),
        ("frequency", pa.int64()),  # how many times the corpus says it
    ]
)

TEXT_NEGATIVES = pa.schema(
    [
        ("text_negative_id", pa.string()),  # hash of pair_id, operation, method and caption
        ("pair_id", pa.string()),
        ("image_id", pa.string()),
        # The true caption that it is told from: the pair's own or, of an addition, that with a true detail in the same
        # place, so that the longer one is not always the wrong one ("a dog runs": "a black dog", "a white dog runs").
        ("original", pa.string()),
        ("vouched_by", pa.string()),  # the pair whose caption that detail is from; null: `original` is the pair's own
        ("caption", pa.string()),  # the wrong caption
        ("operation", pa.string()),  # a name from schemas.operations.OPERATIONS
        ("method", pa.string()),  # swap, replace, insert, rewrite or mined
        ("original_phrase", pa.string()),  # what changed; the two phrases of a swap are joined by " / "
        ("negative_phrase", pa.string()),  # what it became
        # The entity or relation that the change is about, of the right caption, and the wrong one in its place: "a red
        # shirt", "a blue shirt". Null: a language model's answer that changes something else.
        ("unit", pa.string()),
        ("foil", pa.string()),
        ("doubt", pa.string()),  # a name from schemas.reasons.DOUBTS: what nobody can tell; null: surely wrong
        ("original_spans", pa.list_(SPAN)),  # every place that differs, agreement included; in order
        ("negative_spans", pa.list_(SPAN)),  # the same places in the wrong caption, one for one
        ("model", pa.string()),  # parser or language model that wrote it
        ("seed", pa.int64()),  # seed of this row's random draws; null where nothing is drawn
        ("tries", pa.int32()),  # how many candidates were drawn up to and with this one
        ("failed_check", pa.string()),  # first check of schemas.reasons.CHECKS it failed; null when usable
    ]
)

# What is found of negatives among the corpus's own pairs, before each goes to the shard of its pair.
MINED = pa.schema(
    [
        *TEXT_NEGATIVES,
        ("pairs", pa.string()),  # the shard of its pair
        ("other_image_id", pa.string()),  # the picture that the wrong caption is true of
        ("other_images", pa.string()),  # the shard of images that it rests in
        ("scene", pa.string()),  # of that picture: JSON ground truth where it is known
        ("similarity", pa.float32()),  # cosine of the two pictures; null where no model was asked
        # First check by which the right caption may be true of that picture too; null: the picture may be used.
        ("picture_check", pa.string()),
    ]
)

# The same in other words: positives.
PARAPHRASES = pa.schema(
    [
        ("paraphrase_id", pa.string()),
        ("pair_id", pa.string()),
        ("image_id", pa.string()),
        ("caption", pa.string()),
        ("method", pa.string()),  # rewrite
        ("model", pa.string()),
        ("seed", pa.int64()),
        ("tries", pa.int32()),  # how many answers were asked for up to and with this one
        ("failed_check", pa.string()),  # a name from schemas.reasons.CHECKS; null when usable
    ]
)

# Where in the original picture a wrong caption's edit may happen.
MASKS = pa.schema(
    [
        ("text_negative_id", pa.string()),
        ("image_id", pa.string()),
        ("mask", IMAGE),  # white where the edit may happen; as wide and high as the picture; null when there is none
        ("maker", pa.string()),  # given, scene, attribution or segmenter
        ("phrase", pa.string()),  # noun phrases that the changed words stand in
        ("negative_phrase", pa.string()),  # what the wrong caption has in their place
        ("covered", pa.float32()),  # share of the picture that is white
        ("failed_check", pa.string()),  # a name from schemas.reasons.IMAGE_CHECKS; null where there is a mask
    ]
)

IMAGE_NEGATIVES = pa.schema(
    [
        ("image_negative_id", pa.string()),  # hash of text_negative_id, method, model and seed
        ("text_negative_id", pa.string()),
        ("edited_image_id", pa.string()),  # sha256 of the encoded bytes; null when there is no picture
        # Null too where only the best picture of a row is kept and this is another. A mined one rests where it was:
        # without bytes, `path` names the file, "images/<shard>.parquet", that has it under this id.
        ("image", IMAGE),
        ("tries", pa.int32()),  # how many pictures were drawn for this wrong caption up to and with this one
        ("rank", pa.int32()),  # 0: what this wrong caption comes to, the best picture or a failure; others follow
        ("mask", IMAGE),  # white where the edit was allowed
        ("method", pa.string()),  # inpaint, instruct, render or mined
        ("instruction", pa.string()),
        ("model", pa.string()),
        ("seed", pa.int64()),
        ("steps", pa.int32()),
        ("guidance_scale", pa.float32()),
        ("strength", pa.float32()),
        ("reconstruction", IMAGE),  # the original passed through the same editor; if there, it is the pair's picture 0
        ("reconstruction_id", pa.string()),  # sha256 of its encoded bytes
        ("scene", pa.string()),  # JSON ground truth of the edited picture, where it is known
        # Whether the original caption is true of the edited picture too ("a circle", "a red circle"); null: unknown.
        ("original_still_true", pa.bool_()),
        ("failed_check", pa.string()),  # a name from schemas.reasons.IMAGE_CHECKS; null where there is a picture
    ],
    metadata=_SHOW_AS_PICTURES,
)

# Whether a wrong caption really is wrong, by something better than a model.
LABELS = pa.schema(
    [
        ("text_negative_id", pa.string()),
        ("image_negative_id", pa.string()),  # the edited picture that this is about; null: about the wrong caption
        # Of a wrong caption: the original is true of the picture and it is not. Of an edited picture: the wrong caption
        # is true of it and, unless that entails the original, the original is not. Null: cannot be told.
        ("valid", pa.bool_()),
        ("labeller", pa.string()),  # "truth": computed from the scene
        ("detail", pa.string()),  # why it cannot be told; of an edited picture, the scene nearest to it as JSON
    ]
)

# What people say of negatives that they were shown without knowing what became of them; no build makes these.
VOTES = pa.schema(
    [
        ("text_negative_id", pa.string()),
        ("image_negative_id", pa.string()),  # the edited picture that this is about; null: about the wrong caption
        ("voter", pa.string()),
        # Three questions of a wrong caption; null: not answered.
        ("reads_well", pa.bool_()),
        ("really_false", pa.bool_()),  # of the picture; the original is true of it
        ("one_change", pa.bool_()),
        # Of an edited picture: the wrong caption is true of it and, unless that entails the original, the original is
        # not. Null: not answered, or about the wrong caption.
        ("picture_right", pa.bool_()),
        # The one answer that a review page takes: really_false, still_true, cannot_tell or broken; null of a sheet
        # with three questions.
        ("answer", pa.string()),
        ("again", pa.bool_()),  # the second time that this voter was asked, which says how sure the first is
        ("seconds", pa.float32()),  # that the answer took; null: not known
        ("build_id", pa.string()),  # the build whose negatives were shown; null: not known
        ("comment", pa.string()),
        ("sheet", pa.string()),  # hash of the file that this is from
        ("added", pa.timestamp("ms", tz="UTC")),
    ]
)

# How good a model is at what a build accepted, see `evaluation`; no build makes these.
EVALUATIONS = pa.schema(
    [
        ("model", pa.string()),
        ("benchmark", pa.string()),
        ("category", pa.string()),  # "all" of an average over categories
        ("average", pa.string()),  # micro: over items, macro: over categories; null of one category
        ("metric", pa.string()),
        ("own_name", pa.string()),  # what the benchmark calls it; null where it does not report it
        ("usual", pa.bool_()),  # whether the benchmark averages it like this
        ("value", pa.float64()),  # share of items that are right; of a gap, a difference of cosine similarities
        ("low", pa.float64()),  # ends of the 95% interval
        ("high", pa.float64()),
        ("n", pa.int64()),  # items, or queries
        ("units", pa.int64()),  # of these, what is independent: items that share a picture are one
        ("ties", pa.int64()),  # items that are wrong by a draw alone
        ("build_id", pa.string()),
        ("selected", pa.string()),  # which part of the build, a condition or a split; null: all that was accepted
        ("added", pa.timestamp("ms", tz="UTC")),
    ]
)

SCORES = pa.schema(
    [
        ("text_negative_id", pa.string()),
        ("image_negative_id", pa.string()),
        # judge, target, language, words, pixels or attribution; of a second language model "language 2" and so on
        ("role", pa.string()),
        ("model", pa.string()),
        # Cosine similarity of image 0 (the original or, where there is one, its reconstruction) and caption 0.
        ("s00", pa.float32()),
        ("s01", pa.float32()),  # image 0, caption 1 (negative)
        ("s10", pa.float32()),
        ("s11", pa.float32()),
        ("text_similarity", pa.float32()),  # cosine similarity of the two captions
        ("image_similarity", pa.float32()),
        ("directional_similarity", pa.float32()),
        # Whether the model reads all that the two captions differ in: what stands behind its last token it never sees.
        ("reads_change", pa.bool_()),
        ("plausibility0", pa.float32()),  # total natural-log probability of caption 0, in nats
        ("plausibility1", pa.float32()),  # of caption 1
        ("tokens0", pa.int32()),  # language-model tokens of caption 0, to divide plausibility0 by
        ("tokens1", pa.int32()),
        # Sum over the words of caption 0 of log((n + 1) / (N + V + 1)), in nats: of N words in this corpus' captions, V
        # of them different, n are this one (filters/words.py). Null where the caption has no word.
        ("frequency0", pa.float32()),
        ("frequency1", pa.float32()),  # of caption 1
        # Differences of the pair's two pictures, as a share of the largest possible.
        ("outside_mask_change", pa.float32()),  # mean over the pixels where no edit was allowed
        ("inside_mask_change", pa.float32()),  # and where it was
        ("detail0", pa.float32()),  # standard deviation of the brightness inside the mask, 0 to 1: of picture 0
        ("detail1", pa.float32()),  # of picture 1; near 0 is flat or black
        ("noise1", pa.float32()),  # fine structure of picture 1 inside the mask, as a multiple of all of picture 0's
        # Share of what the judge sees of the changed words on picture 1 that lies inside the mask (arXiv 2408.14153).
        ("attribution_inside", pa.float32()),
    ]
)

# Where in a picture a dual encoder sees what words of a caption say: what makers of heat maps return.
HEAT_MAPS = pa.schema(
    [
        ("key", pa.string()),
        # What the words give to the similarity at each patch, row by row from the top left. Null, as is all that
        # follows, where the spans hit no token.
        ("heat", pa.list_(pa.float32())),
        ("rows", pa.int32()),  # of the grid of patches
        ("columns", pa.int32()),
        ("total", pa.float32()),  # the heat's sum and the share of image features that have no place
    ]
)

EMBEDDINGS = pa.schema(
    [
        ("key", pa.binary(16)),  # see schemas.ids.embedding_key: what was encoded
        ("embedding", pa.list_(pa.float32())),  # unit length
    ]
)

# What language models wrote: nothing is asked twice.
ANSWERS = pa.schema(
    [
        ("key", pa.binary(16)),  # see schemas.ids.answer_key: what was asked
        ("text", pa.string()),  # null where there was no answer
        ("tokens", pa.int64()),  # read and written
        ("detail", pa.string()),  # why there was none
    ]
)

# What a rule of `select` sees, and an analyst in the view of this name: a negative with all its scores.
_SIMILARITIES = ("text_similarity", "image_similarity", "directional_similarity")
PIXELS = ("outside_mask_change", "inside_mask_change", "detail0", "detail1", "noise1")
CANDIDATES = pa.schema(
    [
        *TEXT_NEGATIVES,
        ("image_negative_id", pa.string()),
        ("image_method", pa.string()),  # inpaint, instruct, render or mined
        ("image_failed_check", pa.string()),  # why there is no picture, where one was tried
        ("source", pa.string()),
        ("source_key", pa.string()),
        ("split", pa.string()),
        *(
            (f"{role}_{name}", pa.float32())
            for role in ("judge", "target")
            for name in ("s00", "s01", "s10", "s11", "margin", *_SIMILARITIES)
        ),
        ("judge_reads_change", pa.bool_()),  # false: some of the change stands behind the judge's last token
        ("target_reads_change", pa.bool_()),
        # The judge's smallest margin for the right match: s00 - s01 and, with a second picture, s11 - s01, and
        # (unless the original caption is true of both pictures) s00 - s10 and s11 - s10. Above 0, the pair counts
        # in the group score. Null with no judge.
        ("validity", pa.float32()),
        ("difficulty", pa.float32()),  # minus the same of the target: the higher, the harder; null with no target
        ("original_still_true", pa.bool_()),
        ("attribution_inside", pa.float32()),
        *((name, pa.float32()) for name in PIXELS),
        ("plausibility0", pa.float32()),
        ("plausibility1", pa.float32()),
        ("plausibility_gap", pa.float32()),  # plausibility0 - plausibility1: above 0 the original is likelier
        ("tokens0", pa.int32()),
        ("tokens1", pa.int32()),
        ("frequency0", pa.float32()),
        ("frequency1", pa.float32()),
        ("frequency_gap", pa.float32()),  # frequency0 - frequency1: above 0 the original has the more common words
        # (plausibility0 - frequency0) / tokens0, in nats a token: the syntactic log-odds ratio (SLOR), a measure of
        # grammaticality that neither length nor rare words lower (Pauls and Klein, ACL 2012; Lau, Clark and Lappin,
        # Cognitive Science 41 (2017)). There both parts are by tokens; here the unigram part is by words, and divided
        # by the language model's tokens. Null with no language model.
        ("acceptability0", pa.float32()),
        ("acceptability1", pa.float32()),
        ("acceptability_gap", pa.float32()),  # acceptability0 - acceptability1: above 0 the original is better English
        # The two gaps of every language model, in the order of the config; the first are those above.
        ("plausibility_gaps", pa.list_(pa.float32())),
        ("acceptability_gaps", pa.list_(pa.float32())),
    ]
)

# One row a negative. Operation, method and failed check are its own, so that what is counted of verdicts needs no join.
VERDICTS = pa.schema(
    [
        ("text_negative_id", pa.string()),
        ("image_negative_id", pa.string()),
        ("operation", pa.string()),
        ("method", pa.string()),
        ("failed_check", pa.string()),
        ("accepted", pa.bool_()),
        ("reasons", pa.list_(pa.string())),  # failed check or rules; empty when accepted
        ("picture_accepted", pa.bool_()),  # whether the edited picture is part of the pair; null where there is none
        ("picture_reasons", pa.list_(pa.string())),  # failed check or picture rules
        ("validity", pa.float32()),  # as in CANDIDATES
        ("difficulty", pa.float32()),
        # Whether blind signals were balanced over its operation: false where there was too little of it, so that all
        # was kept (select.refine.fewest); null where it was not accepted by the rules, or nothing is balanced.
        ("balanced", pa.bool_()),
    ]
)

NEAR_DUPLICATES = pa.schema(
    [
        ("image_id", pa.string()),
        ("near_duplicate_of", pa.string()),  # the alike image with the smallest image_id
        ("distance", pa.int32()),  # differing bits of the two perceptual hashes
    ]
)

# What balance the accepted negatives were given, over all shards at once.
REFINEMENTS = pa.schema(
    [
        ("text_negative_id", pa.string()),
        ("operation", pa.string()),
        # Original minus negative: of each signal of select.refine in order, and of all together.
        ("gaps", pa.list_(pa.float32())),
        ("kept", pa.bool_()),
        ("balanced", pa.bool_()),  # false: too few of its operation to balance, all of them are kept
    ]
)

# Whether a picture or caption alone gives away which side of a pair it is on.
PROBES = pa.schema(
    [
        # A linear classifier that sees single pictures, by the judge's vectors (visual), or single captions, by their
        # words and pairs of neighbouring words (words) or by the judge's vectors (embeddings).
        ("probe", pa.string()),
        ("operation", pa.string()),  # of the negatives; null for all
        ("selected", pa.bool_()),  # true: of accepted pairs only; false: of all usable ones
        ("method", pa.string()),  # of the edited pictures; null for all
        ("original", pa.string()),  # what edited pictures were told from: original or reconstruction; null for captions
        ("pairs", pa.int64()),  # that the probe judged
        ("accuracy", pa.float32()),  # share of pairs told right, cross-validated by image; 0.5 is perfect
        ("low", pa.float32()),  # 95% interval
        ("high", pa.float32()),
    ]
)

LEDGER = pa.schema(
    [
        ("stage", pa.string()),
        ("shard", pa.string()),  # fingerprint of the shard that this work made
        ("operation", pa.string()),  # null where a stage does not work by operation
        ("method", pa.string()),
        ("model", pa.string()),
        ("check_name", pa.string()),  # null for the work itself; else how many candidates this check took
        ("rows_in", pa.int64()),
        ("rows_out", pa.int64()),
        ("tries", pa.int64()),  # candidates drawn
        ("tokens", pa.int64()),  # language-model tokens read and written
        ("seconds", pa.float64()),  # wall time
    ]
)

TABLES: dict[str, pa.Schema] = {
    "images": IMAGES,
    "pairs": PAIRS,
    "rejects": REJECTS,
    "units": UNITS,
    "parses": PARSES,
    "lexicon": LEXICON,
    "mined": MINED,
    "text_negatives": TEXT_NEGATIVES,
    "paraphrases": PARAPHRASES,
    "masks": MASKS,
    "image_negatives": IMAGE_NEGATIVES,
    "labels": LABELS,
    "scores": SCORES,
    "embeddings": EMBEDDINGS,
    "answers": ANSWERS,
    "verdicts": VERDICTS,
    "refinements": REFINEMENTS,
    "probes": PROBES,
    "near_duplicates": NEAR_DUPLICATES,
    "ledger": LEDGER,
}
