-- Views and macros over the tables of one build. The views above this line name its shards.

CREATE VIEW minimal_pairs AS
SELECT
    c.text_negative_id, e.image_negative_id, c.pair_id, c.image_id, c.operation, c.method,
    c.original, c.vouched_by, c.caption AS negative, c.original_phrase, c.negative_phrase, c.unit, c.foil, c.original_spans, c.negative_spans,
    v.validity, v.difficulty, v.difficulties, v.balanced, c.pair_weight, c.misassigned,
    c.judge_s00, c.judge_s01, CASE WHEN v.picture_accepted THEN c.judge_s10 END AS judge_s10,
    CASE WHEN v.picture_accepted THEN c.judge_s11 END AS judge_s11,
    c.target_s00, c.target_s01, CASE WHEN v.picture_accepted THEN c.target_s10 END AS target_s10,
    CASE WHEN v.picture_accepted THEN c.target_s11 END AS target_s11,
    c.plausibility0, c.plausibility1, c.source, c.source_key, c.split, p.url, p.license,
    -- Where the editor made the original anew, that is the pair's picture: both carry its fingerprint.
    coalesce(e.reconstruction, i.image) AS image,
    -- A mined picture rests among the images.
    CASE WHEN e.method = 'mined' THEN m.image ELSE e.image END AS negative_image, e.mask, e.method AS image_method,
    i.image AS untouched_image, e.original_still_true
FROM candidates c
JOIN verdicts v ON v.text_negative_id = c.text_negative_id
    AND v.image_negative_id IS NOT DISTINCT FROM c.image_negative_id
JOIN pairs p ON p.pair_id = c.pair_id
JOIN images i ON i.image_id = c.image_id
LEFT JOIN image_negatives e ON e.image_negative_id = c.image_negative_id AND v.picture_accepted
LEFT JOIN images m ON m.image_id = e.edited_image_id AND e.method = 'mined'
WHERE v.accepted;

-- How many candidates were usable and accepted, by who made them: rules (swap, replace, insert) or a language model
-- (rewrite); mined ones are other pairs' own.
CREATE MACRO acceptance_by_method() AS TABLE
SELECT
    method,
    operation,
    count(*) AS candidates,
    count(*) FILTER (failed_check IS NULL) AS usable,
    count(*) FILTER (accepted) AS accepted,
    round(count(*) FILTER (accepted) / count(*), 3) AS acceptance
FROM verdicts
GROUP BY method, operation ORDER BY method, operation;

CREATE MACRO acceptance_by_operation() AS TABLE
SELECT
    operation,
    sum(candidates)::BIGINT AS candidates,
    sum(usable)::BIGINT AS usable,
    sum(accepted)::BIGINT AS accepted,
    round(sum(accepted) / sum(candidates), 3) AS acceptance
FROM acceptance_by_method()
GROUP BY operation ORDER BY operation;

CREATE MACRO why_dropped() AS TABLE
SELECT
    reason,
    count(*) AS rows,
    round(count(*) / (SELECT count(*) FROM verdicts), 3) AS share,
    count(*) FILTER (alone) AS alone,
    any_value(hint) AS hint
FROM (SELECT unnest(reasons) AS reason, len(reasons) = 1 AS alone FROM verdicts)
LEFT JOIN reasons USING (reason)
GROUP BY reason ORDER BY rows DESC, reason;

-- Why captions came to no usable wrong caption: they were left out, nothing in them can be changed, or a check took all
-- that was tried; then the reason is the one that took most.
CREATE MACRO captions_without_negatives() AS TABLE
WITH failed AS (
    SELECT pair_id, failed_check, count(*) AS n FROM text_negatives WHERE failed_check IS NOT NULL GROUP BY ALL
), worst AS (
    SELECT pair_id, first(failed_check ORDER BY n DESC, failed_check) AS failed_check FROM failed GROUP BY pair_id
), without AS (
    SELECT caption, coalesce(left_out, failed_check, 'no_candidate') AS reason
    FROM parses LEFT JOIN worst USING (pair_id)
    WHERE pair_id NOT IN (SELECT pair_id FROM text_negatives WHERE failed_check IS NULL)
)
SELECT
    reason,
    count(*) AS captions,
    round(count(*) / (SELECT count(*) FROM parses), 3) AS share,
    min(caption) AS example,
    any_value(hint) AS hint
FROM without LEFT JOIN reasons USING (reason)
GROUP BY reason ORDER BY captions DESC, reason;

CREATE MACRO why_pictures_dropped() AS TABLE
WITH tried AS (
    SELECT text_negative_id, method, count(*) OVER (PARTITION BY method) AS n FROM edits WHERE rank = 0
)
SELECT
    method,
    reason,
    count(*) AS rows,
    round(count(*) / any_value(n), 3) AS share,
    count(*) FILTER (alone) AS alone,
    any_value(hint) AS hint
FROM (SELECT text_negative_id, unnest(picture_reasons) AS reason, len(picture_reasons) = 1 AS alone FROM verdicts)
JOIN tried USING (text_negative_id)
LEFT JOIN reasons USING (reason)
GROUP BY method, reason ORDER BY method, rows DESC, reason;

CREATE MACRO pictures_by_operation() AS TABLE
SELECT
    e.method,
    coalesce(operation, 'all') AS operation,
    count(*) AS wanted,
    count(*) FILTER (e.failed_check IS NULL) AS pictures,
    count(*) FILTER (picture_accepted) AS accepted,
    round(count(*) FILTER (picture_accepted) / nullif(count(*), 0), 3) AS share,
    round(avg(valid::INTEGER), 3) AS "right before",
    round(avg(valid::INTEGER) FILTER (picture_accepted), 3) AS "right after"
FROM edits e
JOIN verdicts v USING (text_negative_id)
LEFT JOIN labels l ON l.image_negative_id = e.image_negative_id AND e.failed_check IS NULL
WHERE e.rank = 0
GROUP BY GROUPING SETS ((e.method, v.operation), (e.method))
ORDER BY e.method, v.operation NULLS LAST;

CREATE MACRO examples_of(wanted, n) AS TABLE
SELECT operation, original, caption AS negative, original_phrase, negative_phrase, reasons
FROM text_negatives JOIN (
    SELECT text_negative_id, reasons FROM verdicts
    WHERE list_contains(reasons, wanted) ORDER BY hash(text_negative_id) LIMIT n
) USING (text_negative_id)
ORDER BY hash(text_negative_id);

CREATE MACRO hardest(n) AS TABLE
SELECT
    operation, original, caption AS negative, difficulty, validity, plausibility_gap
FROM text_negatives JOIN (
    SELECT
        text_negative_id, v.difficulty, list_avg(v.difficulties) AS by_how_much, v.validity,
        l.plausibility0 - l.plausibility1 AS plausibility_gap
    FROM verdicts v LEFT JOIN (SELECT * FROM scores WHERE role = 'language') l USING (text_negative_id)
    WHERE v.accepted
    ORDER BY v.difficulty DESC NULLS LAST, by_how_much DESC NULLS LAST, plausibility_gap NULLS LAST, text_negative_id
    LIMIT n
) USING (text_negative_id)
ORDER BY difficulty DESC NULLS LAST, by_how_much DESC NULLS LAST, plausibility_gap NULLS LAST, text_negative_id;

-- How often each language model that never sees the image prefers the original: 0.5 is perfect, ties count half. Joined by
-- hashes of 64 bits, which takes two thirds of the time and memory: of ten million ids two have the same once in 400,000 builds,
-- and a guess then counts twice.
CREATE MACRO blind_accuracy() AS TABLE
WITH guesses AS (
    SELECT
        role, l.model, operation, accepted,
        CASE WHEN plausibility0 > plausibility1 THEN 1.0 WHEN plausibility0 = plausibility1 THEN 0.5 ELSE 0.0 END AS guess
    FROM (SELECT * FROM scores WHERE starts_with(role, 'language')) l
    JOIN verdicts v ON hash(l.text_negative_id) = hash(v.text_negative_id)
    WHERE plausibility0 IS NOT NULL AND plausibility1 IS NOT NULL
)
SELECT
    coalesce(operation, 'all') AS operation,
    count(*) AS usable,
    round(avg(guess), 3) AS before,
    count(*) FILTER (accepted) AS accepted,
    round(avg(guess) FILTER (accepted), 3) AS after,
    any_value(model) AS model
FROM guesses GROUP BY GROUPING SETS ((role, operation), (role))
ORDER BY role, guesses.operation NULLS LAST;

-- How often a model trained on captions alone, on other images, tells the wrong one: on all usable pairs, and on the
-- accepted ones, where `low` and `high` are the 95% interval. 0.5 is perfect; no row where there were too few images.
CREATE MACRO text_probes() AS TABLE
SELECT
    coalesce(operation, 'all') AS operation,
    probe,
    max(pairs) FILTER (NOT selected) AS "pairs before",
    round(max(accuracy) FILTER (NOT selected)::DOUBLE, 3) AS "accuracy before",
    max(pairs) FILTER (selected) AS "pairs after",
    round(max(accuracy) FILTER (selected)::DOUBLE, 3) AS "accuracy after",
    round(max(low) FILTER (selected)::DOUBLE, 3) AS low,
    round(max(high) FILTER (selected)::DOUBLE, 3) AS high
FROM probes WHERE probe != 'visual' GROUP BY probes.operation, probe
ORDER BY probes.operation NULLS LAST, probe DESC;

-- What the balance of blind signals took: of how many accepted by the rules how many were kept; and whether they were
-- balanced, or too few for that and all kept.
CREATE MACRO refinement_by_operation() AS TABLE
SELECT
    coalesce(operation, 'all') AS operation,
    count(*) AS accepted,
    count(*) FILTER (kept) AS kept,
    round(avg(kept::INTEGER), 3) AS share,
    bool_and(balanced) AS balanced
FROM refinements GROUP BY GROUPING SETS ((operation), ())
ORDER BY refinements.operation NULLS LAST;

-- Against labels (computed truth, where the source has scenes): the share of usable candidates that are really
-- wrong, of those that were accepted, and the share of the really wrong ones that were.
CREATE MACRO precision_and_recall() AS TABLE
SELECT
    coalesce(operation, 'all') AS operation,
    count(*) AS usable,
    round(avg(valid::INTEGER), 4) AS "precision before",
    count(*) FILTER (accepted) AS accepted,
    round(avg(valid::INTEGER) FILTER (accepted), 4) AS "precision after",
    round(count(*) FILTER (accepted AND valid) / nullif(count(*) FILTER (valid), 0), 4) AS recall
FROM verdicts JOIN labels USING (text_negative_id)
WHERE failed_check IS NULL AND valid IS NOT NULL AND labels.image_negative_id IS NULL
GROUP BY GROUPING SETS ((operation), ())
ORDER BY verdicts.operation NULLS LAST;

-- What each check of the text generator took, against labels: how many of these really are wrong all the same, the
-- price of caution.
CREATE MACRO checks_against_truth() AS TABLE
SELECT
    failed_check AS "check",
    count(*) AS taken,
    count(*) FILTER (valid) AS "really wrong",
    round(avg(valid::INTEGER), 3) AS share
FROM verdicts JOIN labels USING (text_negative_id)
WHERE failed_check IS NOT NULL AND valid IS NOT NULL AND labels.image_negative_id IS NULL
GROUP BY failed_check ORDER BY taken DESC, failed_check;

-- How often the judge or the target is right about accepted pairs, ties being misses (Winoground, EqBen).
-- captions: picture 0 prefers caption 0, known for half pairs too. text: each picture prefers its own caption;
-- image: each caption prefers its own picture; group: both. Only pairs that truth decides both ways count there.
CREATE MACRO matching_scores(wanted) AS TABLE
SELECT
    coalesce(operation, 'all') AS operation,
    count(*) AS accepted,
    round(avg((s00 > s01)::INTEGER), 3) AS captions,
    count(*) FILTER (whole) AS pairs,
    round(avg((s00 > s01 AND s11 > s10)::INTEGER) FILTER (whole), 3) AS text,
    round(avg((s00 > s10 AND s11 > s01)::INTEGER) FILTER (whole), 3) AS image,
    round(avg((s00 > s01 AND s11 > s10 AND s00 > s10 AND s11 > s01)::INTEGER) FILTER (whole), 3) AS "group"
FROM (
    SELECT v.operation, s.*, v.picture_accepted AND NOT coalesce(e.original_still_true, false) AS whole
    FROM scores s
    JOIN verdicts v ON v.text_negative_id = s.text_negative_id
        AND v.image_negative_id IS NOT DISTINCT FROM s.image_negative_id
    LEFT JOIN edits e ON e.image_negative_id = s.image_negative_id
    WHERE v.accepted AND s.role = wanted
) GROUP BY GROUPING SETS ((operation), ())
ORDER BY operation = 'all', operation;

-- How many candidates each check or rule took, and how many it took alone.
CREATE MACRO yield_of_checks() AS TABLE
SELECT
    operation,
    reason,
    count(*) AS taken,
    count(*) FILTER (alone) AS alone,
    round(count(*) / any_value(candidates), 3) AS share
FROM (
    SELECT operation, unnest(reasons) AS reason, len(reasons) = 1 AS alone FROM verdicts
) JOIN (SELECT operation, count(*) AS candidates FROM verdicts GROUP BY operation) USING (operation)
GROUP BY operation, reason ORDER BY operation, taken DESC, reason;

-- What an accepted negative costs. Work that knows no operation is shared out by the usable candidates.
CREATE MACRO cost_of_accepted() AS TABLE
WITH made AS (
    SELECT
        operation,
        count(*) AS candidates,
        count(*) FILTER (failed_check IS NULL) AS usable,
        count(*) FILTER (accepted) AS accepted
    FROM verdicts GROUP BY operation
), direct AS (
    SELECT operation, sum(seconds) AS seconds, sum(tokens) AS tokens, sum(tries) AS tries
    FROM ledger WHERE check_name IS NULL AND operation IS NOT NULL GROUP BY operation
), common AS (
    SELECT sum(seconds) AS seconds, (SELECT sum(usable) FROM made) AS usable
    FROM ledger WHERE check_name IS NULL AND operation IS NULL
), taken AS (
    SELECT operation, arg_max(reason, taken) AS costliest_check, max(taken) AS taken_by_it
    FROM yield_of_checks() GROUP BY operation
)
SELECT
    made.operation, made.accepted, made.candidates, direct.tries, direct.tokens,
    round(coalesce(direct.seconds, 0) + coalesce(common.seconds * made.usable / common.usable, 0), 3) AS seconds,
    round((coalesce(direct.seconds, 0) + coalesce(common.seconds * made.usable / common.usable, 0))
        / nullif(made.accepted, 0), 5) AS seconds_per_accepted,
    round(direct.tries / nullif(made.accepted, 0), 2) AS tries_per_accepted,
    taken.costliest_check, taken.taken_by_it
FROM made LEFT JOIN direct USING (operation) LEFT JOIN taken USING (operation) CROSS JOIN common
ORDER BY made.operation;

-- The same by who made them, of the work of making alone: what asking a language model costs.
CREATE MACRO cost_by_method() AS TABLE
WITH work AS (
    SELECT method, operation, sum(tries) AS tries, sum(tokens) AS tokens, sum(seconds) AS seconds
    FROM ledger WHERE check_name IS NULL AND stage IN ('text negatives', 'rewriting', 'mining') AND method IS NOT NULL
    GROUP BY method, operation
)
SELECT
    method, operation, usable, accepted, tries, tokens, round(seconds, 2) AS seconds,
    round(tries / nullif(accepted, 0), 1) AS tries_per_accepted,
    round(tokens / nullif(accepted, 0), 1) AS tokens_per_accepted,
    round(seconds / nullif(accepted, 0), 4) AS seconds_per_accepted
FROM acceptance_by_method() JOIN work USING (method, operation)
ORDER BY method, operation;

-- Wilson's 95% interval of a share of n.
CREATE MACRO wilson(share, n, side) AS
    (share + 1.959964 ** 2 / (2 * n)
        + side * sqrt(1.959964 ** 2 * (share * (1 - share) / n + 1.959964 ** 2 / (4 * n * n)))) / (1 + 1.959964 ** 2 / n);

-- Agreement beyond what chance makes, where chance would agree in so many cases; NULL where it always would.
CREATE MACRO kappa(agreement, chance) AS (agreement - chance) / nullif(1 - chance, 0);

-- What each voter said of each negative, or of its edited picture; of several times the last counts, what was asked a
-- second time on purpose does not. `good`: yes to all three questions or, of a review page, that it is really false.
CREATE MACRO last_votes() AS TABLE
SELECT DISTINCT ON (text_negative_id, image_negative_id, voter)
    *, CASE
        WHEN image_negative_id IS NOT NULL THEN picture_right
        WHEN answer IS NULL THEN reads_well AND really_false AND one_change
        WHEN answer = 'broken' THEN false
        ELSE really_false
    END AS good
FROM votes WHERE NOT coalesce(again, false)
ORDER BY text_negative_id, image_negative_id, voter, added DESC, sheet;

-- Of those that voters were asked about twice: whether they answered the same. Whoever downloads the answers of a page
-- before its end and at it gives two sheets of the same questions; the last one counts.
CREATE MACRO repeated_votes() AS TABLE
SELECT DISTINCT ON (first.text_negative_id, first.image_negative_id, first.voter)
    first.text_negative_id, first.image_negative_id, first.voter, first.sheet, first.answer AS first,
    second.answer AS second,
    first.answer = second.answer AND coalesce(first.really_false, first.picture_right)
        IS NOT DISTINCT FROM coalesce(second.really_false, second.picture_right) AS same
FROM (SELECT * FROM votes WHERE NOT coalesce(again, false)) first
JOIN (SELECT * FROM votes WHERE again) second
    ON second.text_negative_id = first.text_negative_id AND second.voter = first.voter AND second.sheet = first.sheet
    AND second.image_negative_id IS NOT DISTINCT FROM first.image_negative_id
ORDER BY first.text_negative_id, first.image_negative_id, first.voter, first.added DESC, first.sheet;

-- What people say of the negatives that this build accepts: how many votes, and of those that answer a question the share
-- of yes; `good` with Wilson's 95% interval. `kappa` is Fleiss' (1971), of negatives that two or more have judged, `same`
-- the share of repeated questions that were answered as before.
CREATE MACRO human_agreement() AS TABLE
WITH said AS (
    SELECT v.operation, l.* FROM last_votes() l JOIN verdicts v USING (text_negative_id)
    WHERE v.accepted AND l.image_negative_id IS NULL
), shares AS (
    SELECT
        coalesce(operation, 'all') AS operation, count(DISTINCT text_negative_id) AS negatives, count(*) AS votes,
        avg(reads_well::INTEGER) AS reads_well, avg(really_false::INTEGER) AS really_false,
        avg(one_change::INTEGER) AS one_change, avg(good::INTEGER) AS good, count(good) AS n
    FROM said GROUP BY GROUPING SETS ((operation), ()) HAVING count(*) > 0
), judged AS (
    SELECT operation, text_negative_id, count(*) AS n, count(*) FILTER (good) AS yes
    FROM said WHERE good IS NOT NULL GROUP BY ALL HAVING count(*) > 1
), agreed AS (
    SELECT
        coalesce(operation, 'all') AS operation, sum(yes) / sum(n) AS share,
        avg((yes * (yes - 1) + (n - yes) * (n - yes - 1)) / (n * (n - 1))) AS agreement
    FROM judged GROUP BY GROUPING SETS ((operation), ()) HAVING count(*) > 0
), again AS (
    SELECT coalesce(operation, 'all') AS operation, avg(same::INTEGER) AS same
    FROM repeated_votes() r JOIN verdicts USING (text_negative_id)
    WHERE verdicts.accepted AND r.image_negative_id IS NULL
    GROUP BY GROUPING SETS ((operation), ()) HAVING count(*) > 0
)
SELECT
    operation, negatives, votes,
    round(reads_well, 3) AS reads_well, round(really_false, 3) AS really_false, round(one_change, 3) AS one_change,
    round(good, 3) AS good, round(wilson(good, n, -1), 3) AS low, round(wilson(good, n, 1), 3) AS high,
    round(kappa(agreement, share * share + (1 - share) * (1 - share)), 3) AS kappa, round(same, 3) AS same
FROM shares LEFT JOIN agreed USING (operation) LEFT JOIN again USING (operation)
ORDER BY operation = 'all', operation;

-- The same of the edited pictures that this build accepts, by editor.
CREATE MACRO human_agreement_on_pictures() AS TABLE
WITH said AS (
    SELECT e.method, l.* FROM last_votes() l
    JOIN verdicts v ON v.image_negative_id = l.image_negative_id
    JOIN edits e ON e.image_negative_id = l.image_negative_id
    WHERE v.picture_accepted
), shares AS (
    SELECT
        coalesce(method, 'all') AS method, count(DISTINCT image_negative_id) AS pictures, count(*) AS votes,
        avg(good::INTEGER) AS good, count(good) AS n
    FROM said GROUP BY GROUPING SETS ((method), ()) HAVING count(*) > 0
)
SELECT
    method, pictures, votes, round(good, 3) AS good, round(wilson(good, n, -1), 3) AS low,
    round(wilson(good, n, 1), 3) AS high
FROM shares ORDER BY method = 'all', method;

-- How far any two voters agree on what both have judged, with Cohen's kappa (1960); and each with itself, on what it was
-- asked twice.
CREATE MACRO agreement_of_voters() AS TABLE
WITH said AS (
    SELECT text_negative_id, image_negative_id, voter, good FROM last_votes() WHERE good IS NOT NULL
), pairs_of_two AS (
    SELECT
        a.voter, b.voter AS other, count(*) AS judged, avg((a.good = b.good)::INTEGER) AS agreement,
        avg(a.good::INTEGER) AS p, avg(b.good::INTEGER) AS q
    FROM said a JOIN said b ON a.text_negative_id = b.text_negative_id
        AND a.image_negative_id IS NOT DISTINCT FROM b.image_negative_id AND a.voter < b.voter
    GROUP BY ALL
)
SELECT
    voter, other, judged, round(agreement, 3) AS agreement,
    round(kappa(agreement, p * q + (1 - p) * (1 - q)), 3) AS kappa
FROM pairs_of_two
UNION ALL
SELECT voter, 'again', count(*), round(avg(same::INTEGER), 3), NULL FROM repeated_votes() GROUP BY voter
ORDER BY voter, other;

-- How models do on what was accepted: what `counterfoil evaluate` found of each when it was last asked.
CREATE MACRO evaluations() AS TABLE
SELECT * FROM evaluations
QUALIFY added = max(added) OVER (PARTITION BY model, benchmark, selected)
ORDER BY model, benchmark, selected, category = 'all', category, average, metric;

CREATE MACRO time_by_stage() AS TABLE
SELECT stage, sum(rows_out)::BIGINT AS rows, round(sum(seconds), 2) AS seconds
FROM ledger WHERE check_name IS NULL GROUP BY stage ORDER BY seconds DESC;

-- Pairs of the source whose caption fits another picture better, surest first, with what became of them (`curate`): a
-- caption that was reassigned stands with the better picture in this build.
CREATE MACRO misassigned() AS TABLE
SELECT
    a.caption, CASE WHEN a.pair_id IS NULL THEN 'dropped' WHEN a.pair_id = a.source_pair_id THEN 'kept' ELSE 'reassigned'
    END AS became,
    a.rank, round(a.similarity::DOUBLE, 3) AS similarity, round(a.better_similarity::DOUBLE, 3) AS better_similarity,
    round(a.consistency::DOUBLE, 3) AS consistency, round(a.better_consistency::DOUBLE, 3) AS better_consistency,
    round(a.weight::DOUBLE, 4) AS weight, a.source_image_id, a.better_image_id, a.source_pair_id, a.pair_id
FROM alignment a WHERE a.better_image_id IS NOT NULL
ORDER BY a.better_similarity - a.similarity DESC, a.source_pair_id;

-- How many pairs were found misassigned and what became of them, and how much the others are trusted, by source and split.
CREATE MACRO alignment_of_pairs() AS TABLE
SELECT
    coalesce(p.source, 'all') AS source, coalesce(p.split, '-') AS split, count(*) AS pairs,
    count(*) FILTER (a.better_image_id IS NOT NULL) AS misassigned,
    count(*) FILTER (a.pair_id != a.source_pair_id) AS reassigned,
    round(avg(a.similarity)::DOUBLE, 3) AS similarity, median(a.rank)::INTEGER AS "median rank",
    round(avg(a.weight)::DOUBLE, 3) AS weight
FROM alignment a JOIN pairs p ON p.pair_id = a.pair_id
GROUP BY GROUPING SETS ((p.source, p.split), ()) HAVING count(*) > 0
ORDER BY p.source NULLS LAST, p.split NULLS LAST;

CREATE MACRO help() AS TABLE
SELECT * FROM (VALUES
    ('minimal_pairs', 'view', 'what was accepted, one row a negative, with its image: what a trainer reads'),
    ('candidates', 'view', 'every negative with all its scores, what the rules of select see'),
    ('text_negatives, image_negatives, pairs, images, scores, verdicts, labels', 'views', 'the tables'),
    ('edits', 'view', 'image_negatives without the pictures: faster to ask'),
    ('paraphrases', 'view', 'the captions in other words: positives'),
    ('alignment', 'view', 'how well each pair of the source holds together among all pictures: a build with `curate`'),
    ('misassigned()', 'macro', 'pairs whose caption fits another picture better, and what became of them'),
    ('alignment_of_pairs()', 'macro', 'how many pairs were misassigned, and how much the others are trusted'),
    ('leaks, prints', 'views', 'what pairs share with benchmarks; hashes of what these hold, and what is unusable'),
    ('relevance', 'view', 'how edited pictures and their originals fit captions of other pictures'),
    ('masks, probes', 'views', 'where an edit was allowed; what gives away an edited picture or a wrong caption'),
    ('votes', 'view', 'what people said of negatives that they read: `counterfoil sample`, `counterfoil labels`'),
    ('evaluations', 'view', 'how models did on it, each time that one was asked: `counterfoil evaluate`'),
    ('rejects, lexicon, parses, ledger, runs', 'views', 'more tables: what was left out, the corpus, the work'),
    ('acceptance_by_operation()', 'macro', 'how many candidates of each operation were usable and accepted'),
    ('acceptance_by_method()', 'macro', 'the same by who made them: rules or a language model'),
    ('why_dropped()', 'macro', 'which reasons dropped how many, and how many each alone'),
    ('captions_without_negatives()', 'macro', 'which captions came to nothing, and why: not English, nothing to change, checks'),
    ('why_pictures_dropped()', 'macro', 'which reasons dropped how many edited pictures'),
    ('pictures_by_operation()', 'macro', 'edited pictures made and accepted, and right by computed truth where known'),
    ('examples_of(reason, n)', 'macro', 'some negatives that a reason dropped'),
    ('hardest(n)', 'macro', 'accepted negatives that the targets find hardest'),
    ('blind_accuracy()', 'macro', 'how often each blind language model prefers the original, before and after select'),
    ('text_probes()', 'macro', 'how often a model trained on captions tells the wrong one, before and after select'),
    ('refinement_by_operation()', 'macro', 'what the balance of blind signals took and kept, and what was too few for it'),
    ('precision_and_recall()', 'macro', 'share that is really wrong, before and after select, where truth is known'),
    ('checks_against_truth()', 'macro', 'how many of those that a check took really are wrong, where truth is known'),
    ('leakage()', 'macro', 'what the corpus shares with each benchmark of guards.leakage, and what that cost'),
    ('licenses()', 'macro', 'the licences that the source states, and how many negatives came of each'),
    ('relevance_bias()', 'macro', 'whether judge and targets prefer edited pictures as such; 0.5 is no bias'),
    ('concept_association()', 'macro', 'whether one thing''s attribute passes for another''s: the purple lemon'),
    ('matching_scores(role)', 'macro', 'text, image and group score of the judge, the target, target 2, ... on what was accepted'),
    ('yield_of_checks()', 'macro', 'what each check or rule took, by operation'),
    ('cost_of_accepted()', 'macro', 'seconds, tries and tokens for an accepted negative, and its costliest check'),
    ('cost_by_method()', 'macro', 'what making them cost, by rules or a language model: tries, tokens, seconds'),
    ('human_agreement()', 'macro', 'how many of the accepted negatives people find good, with 95% intervals and kappa'),
    ('human_agreement_on_pictures()', 'macro', 'how many of the accepted edited pictures people find right'),
    ('agreement_of_voters()', 'macro', 'how far any two voters agree, with Cohens kappa, and each with itself'),
    ('last_votes()', 'macro', 'what each voter said last of each negative or edited picture'),
    ('repeated_votes()', 'macro', 'what voters said of the questions that they were asked twice'),
    ('evaluations()', 'macro', 'the last of these, with 95% intervals: a row a model, benchmark, metric and category'),
    ('time_by_stage()', 'macro', 'wall time of the work that made this build, by stage')
) AS help(name, kind, answers);
