-- From `scores` and `items` to `outcomes`, a row an item and metric, and from these to `results`, with intervals.
-- A tie is a decision that is wrong by the strict comparison and would be right if a draw were won.

CREATE TEMP TABLE cells AS
SELECT
    s.model, s.benchmark, s.item_id, s.picture, s.caption, s.score,
    i.truth[s.picture * len(i.captions) + s.caption + 1] AS truth
FROM scores s JOIN items i USING (benchmark, item_id)
WHERE i.task = 'choice' AND s.picture IS NOT NULL;

-- Whether a picture tells its captions from the others, and a caption its pictures.
CREATE TEMP TABLE decisions AS
SELECT
    model, benchmark, item_id, 'caption' AS picks, picture AS asked,
    min(score) FILTER (truth) AS hit, max(score) FILTER (NOT truth) AS miss,
    count(*) FILTER (truth) AS hits
FROM cells GROUP BY model, benchmark, item_id, picture HAVING hit IS NOT NULL AND miss IS NOT NULL
UNION ALL
SELECT
    model, benchmark, item_id, 'picture', caption, min(score) FILTER (truth) AS hit, max(score) FILTER (NOT truth) AS miss,
    count(*) FILTER (truth)
FROM cells GROUP BY model, benchmark, item_id, caption HAVING hit IS NOT NULL AND miss IS NOT NULL;

CREATE TEMP TABLE picked AS
SELECT
    model, benchmark, item_id, picks, bool_and(hit > miss) AS hit, bool_and(hit >= miss) AS hit_or_tie
FROM decisions GROUP BY model, benchmark, item_id, picks;

-- The 2x2 matrix of an item of two pictures and their two captions; s01 is of picture 0 and caption 1.
CREATE TEMP TABLE matrices AS
SELECT
    model, benchmark, item_id,
    max(score) FILTER (picture = 0 AND caption = 0)::DOUBLE AS s00, max(score) FILTER (picture = 0 AND caption = 1)::DOUBLE AS s01,
    max(score) FILTER (picture = 1 AND caption = 0)::DOUBLE AS s10, max(score) FILTER (picture = 1 AND caption = 1)::DOUBLE AS s11
FROM cells SEMI JOIN (SELECT benchmark, item_id FROM items WHERE truth = [true, false, false, true] AND len(captions) = 2)
USING (benchmark, item_id)
GROUP BY model, benchmark, item_id;

-- Of captions of which two are right (SugarCrepe++): what one text encoder makes of them.
CREATE TEMP TABLE texts AS
SELECT
    s.model, s.benchmark, s.item_id,
    min(s.score) FILTER (i.truth[s.caption + 1] AND i.truth[s.other + 1]) AS hit,
    max(s.score) FILTER (i.truth[s.caption + 1] != i.truth[s.other + 1]) AS miss
FROM scores s JOIN items i USING (benchmark, item_id)
WHERE i.task = 'choice' AND s.picture IS NULL GROUP BY s.model, s.benchmark, s.item_id;

CREATE TEMP TABLE found AS
SELECT model, benchmark, item_id, 'picks_' || picks AS metric, hit::INTEGER::DOUBLE AS value, hit_or_tie AND NOT hit AS tie
FROM picked
UNION ALL  -- both, where an item asks both
SELECT model, benchmark, item_id, 'group', bool_and(hit)::INTEGER, bool_and(hit_or_tie) AND NOT bool_and(hit)
FROM picked GROUP BY model, benchmark, item_id HAVING count(*) = 2
UNION ALL  -- the right matching as a whole above the wrong one (arXiv 2510.07632)
SELECT model, benchmark, item_id, 'group_match', (s00 + s11 > s01 + s10)::INTEGER, s00 + s11 = s01 + s10 FROM matrices
UNION ALL  -- EqSim (arXiv 2303.14465): how unequally a change of captions, and of pictures, moves the similarities
SELECT model, benchmark, item_id, 'caption_gap', abs((s00 - s01) - (s11 - s10)), false FROM matrices
UNION ALL
SELECT model, benchmark, item_id, 'picture_gap', abs((s00 - s10) - (s11 - s01)), false FROM matrices
UNION ALL  -- the four halves (BiVLC); that of picture 0 is all that a blind model can be asked
SELECT d.model, d.benchmark, d.item_id, CASE d.picks WHEN 'caption' THEN 'picture_' || asked || '_picks'
    ELSE 'caption_' || asked || '_picks' END, (d.hit > d.miss)::INTEGER, d.hit = d.miss
FROM decisions d SEMI JOIN matrices USING (benchmark, item_id)
UNION ALL
SELECT model, benchmark, item_id, 'paraphrase_closer', (hit > miss)::INTEGER, hit = miss FROM texts
WHERE hit IS NOT NULL AND miss IS NOT NULL
UNION ALL  -- the right caption of the first place alone, and that of the second: the original and its paraphrase
SELECT c.model, c.benchmark, c.item_id, CASE caption WHEN 0 THEN 'picks_original' ELSE 'picks_paraphrase' END,
    (score > miss)::INTEGER, score = miss
FROM cells c JOIN decisions d ON d.picks = 'caption' AND d.asked = c.picture
    AND (d.model, d.benchmark, d.item_id) = (c.model, c.benchmark, c.item_id)
WHERE c.truth AND d.hits = 2 AND c.caption < 2 AND (c.benchmark, c.item_id) IN (SELECT (benchmark, item_id) FROM texts)
UNION ALL  -- the right one among the k most similar, where a benchmark asks for that
SELECT model, benchmark, item_id, 'picks_caption@' || k, (above < k)::INTEGER, above >= k AND strictly < k
FROM (
    SELECT
        model, benchmark, item_id, count(*) FILTER (NOT truth AND score >= hit) AS above,
        count(*) FILTER (NOT truth AND score > hit) AS strictly
    FROM (SELECT *, min(score) FILTER (truth) OVER (PARTITION BY model, benchmark, item_id) AS hit FROM cells)
    GROUP BY model, benchmark, item_id
) JOIN (
    SELECT DISTINCT benchmark, split_part(metric, '@', 2)::INTEGER AS k FROM own WHERE starts_with(metric, 'picks_caption@')
) USING (benchmark)
SEMI JOIN (SELECT benchmark, item_id FROM items WHERE task = 'choice') USING (benchmark, item_id);

-- Retrieval: a query is a picture or a caption, as it is there once, and right where any of its answers is found.
CREATE TEMP TABLE queries AS
SELECT
    model, benchmark, category, any_value(item_id) AS item_id, picks, asked, min(above + level) AS above, min(above) AS strictly
FROM (
    SELECT s.model, s.benchmark, s.item_id, category, 'caption' AS picks, i.pictures[s.picture + 1].key AS asked,
        better_captions AS above, tied_captions AS level
    FROM scores s JOIN items i USING (benchmark, item_id) WHERE i.task = 'retrieval'
    UNION ALL
    SELECT s.model, s.benchmark, s.item_id, category, 'picture', i.captions[s.caption + 1], better_pictures, tied_pictures
    FROM scores s JOIN items i USING (benchmark, item_id) WHERE i.task = 'retrieval'
) GROUP BY model, benchmark, category, picks, asked;

CREATE TEMP TABLE outcomes AS
SELECT
    f.model, f.benchmark, i.category, f.item_id, coalesce(i."group", f.item_id) AS unit, f.metric, f.value, f.tie
FROM found f JOIN items i USING (benchmark, item_id)
-- Who does not see the pictures prefers the same caption for both: only the first can be asked about.
WHERE NOT starts_with(f.model, 'blind:') OR f.metric = 'picture_0_picks' OR (f.metric = 'picks_caption' AND len(i.pictures) = 1)
UNION ALL  -- larger units, right where all of their items are
SELECT
    f.model, f.benchmark, any_value(i.category), s.unit.value AS item_id, s.unit.value, 'all_of_' || s.unit.key, min(f.value),
    bool_and(f.value = 1 OR f.tie) AND min(f.value) = 0
FROM found f JOIN items i USING (benchmark, item_id), unnest(map_entries(i.sets)) AS s(unit)
WHERE f.metric = 'picks_caption'
GROUP BY f.model, f.benchmark, s.unit
UNION ALL
SELECT
    model, benchmark, category, item_id || ' ' || asked, item_id, 'picks_' || picks || '@' || k, (above < k)::INTEGER,
    above >= k AND strictly < k
FROM queries, (VALUES (1), (5), (10)) AS ks(k);

-- Every average is a weighted sum: of a category and of all items (micro) each weighs the same, of all categories (macro)
-- each category does.
CREATE TEMP MACRO weighed(rows) AS TABLE
WITH sized AS (
    SELECT
        *, count(*) OVER of_category AS n_category, count(*) OVER of_all AS n_all,
        avg(value) OVER of_category AS mean_category, avg(value) OVER of_all AS mean_all
    FROM query_table(rows)
    WINDOW of_category AS (PARTITION BY model, benchmark, metric, category),
        of_all AS (PARTITION BY model, benchmark, metric)
), counted AS (
    SELECT
        *, n_category >= coalesce(least_of, 0) AS counts,
        count(DISTINCT category) OVER (PARTITION BY model, benchmark, metric) AS categories,
        count(DISTINCT CASE WHEN n_category >= coalesce(least_of, 0) THEN category END)
            OVER (PARTITION BY model, benchmark, metric) AS counting
    FROM sized LEFT JOIN (SELECT benchmark, max(least) AS least_of FROM own GROUP BY benchmark) USING (benchmark)
)
SELECT *, category AS of, NULL AS average, 1 / n_category AS weight, mean_category AS mean FROM counted WHERE categories > 1
UNION ALL
SELECT *, 'all', 'micro', 1 / n_all, mean_all FROM counted
UNION ALL
SELECT *, 'all', 'macro', 1 / (counting * n_category), mean_category FROM counted WHERE categories > 1 AND counts;

-- What items of one unit, which share a picture, add to an average together.
CREATE TEMP MACRO united(rows) AS TABLE
SELECT
    model, benchmark, of, average, metric, unit, sum(weight * value) AS value, sum(weight * (value - mean)) AS residue,
    count(*) AS n, count(*) FILTER (tie) AS ties
FROM weighed(rows) GROUP BY ALL;

-- How far an average over categories may be off, by the intervals of these (MOVER; Zou and Donner 2008): one of few items
-- counts with all that it may be off, where a variance of its items would say that it is not.
CREATE TEMP MACRO spread(rows) AS TABLE
SELECT
    model, benchmark, metric, sqrt(sum((value - low) ** 2)) / count(*) AS below, sqrt(sum((high - value) ** 2)) / count(*) AS above
FROM query_table(rows) LEFT JOIN (SELECT benchmark, max(least) AS least_of FROM own GROUP BY benchmark) USING (benchmark)
WHERE average IS NULL AND n >= coalesce(least_of, 0) GROUP BY model, benchmark, metric;

-- Intervals are of 95%. Items that share a picture are no independent draws: the variance is that of sums over units (as
-- of cluster samples), and Wilson's interval takes the number of independent items that would have this variance. Where
-- every item is a unit that is their number, and the interval Wilson's own. Gaps, which are no shares: 1.96 deviations.
CREATE TEMP TABLE bounded AS
WITH summed AS (
    SELECT
        model, benchmark, of, average, metric, sum(value) AS value, sum(n)::BIGINT AS n, count(*) AS units,
        sum(ties)::BIGINT AS ties,
        sum(residue * residue) * CASE WHEN count(*) < sum(n) AND count(*) > 1 THEN count(*) / (count(*) - 1) ELSE 1 END AS variance
    FROM united('outcomes') GROUP BY ALL
), effective AS (
    SELECT
        *, 1.959964 ** 2 AS z2, least(value, 1) AS p, 1.959964 * sqrt(variance) AS off,
        CASE WHEN variance > 1e-12 THEN greatest(1, least(n, value * (1 - value) / variance)) ELSE units END AS m
    FROM summed
)
SELECT
    model, benchmark, of AS category, average, metric, value, off,
    CASE WHEN ends_with(metric, '_gap') THEN greatest(0, value - off)
        ELSE greatest(0, (p + z2 / (2 * m) - sqrt(z2 * (p * (1 - p) / m + z2 / (4 * m * m)))) / (1 + z2 / m)) END AS low,
    CASE WHEN ends_with(metric, '_gap') THEN value + off
        ELSE least(1, (p + z2 / (2 * m) + sqrt(z2 * (p * (1 - p) / m + z2 / (4 * m * m)))) / (1 + z2 / m)) END AS high,
    n, units, ties
FROM effective;

CREATE TEMP TABLE results AS
SELECT
    model, benchmark, category, average, metric, own_name, coalesce(usual = average, false) AS usual, value,
    CASE average WHEN 'macro' THEN greatest(0, value - greatest(below, off)) ELSE low END AS low,
    CASE WHEN average = 'macro' AND ends_with(metric, '_gap') THEN value + greatest(above, off)
        WHEN average = 'macro' THEN least(1, value + greatest(above, off)) ELSE high END AS high,
    n, units, ties
FROM bounded LEFT JOIN own USING (benchmark, metric) LEFT JOIN spread('bounded') USING (model, benchmark, metric);
