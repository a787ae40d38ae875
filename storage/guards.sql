-- Macros that say what must not be in a dataset, and what models take for a sign of a match that is none.

-- Half the 95% interval of a mean of n values in so many groups that do not vary on their own: of each group the sum of
-- its values' differences from the mean, squared and summed. NULL for one group.
CREATE MACRO clustered(squares, groups, n) AS 1.959964 * sqrt(squares * groups / nullif(groups - 1, 0)) / n;

-- What the corpus shares with benchmarks (guards.leakage): how much of each was compared, how many rows and pictures of
-- it could not be, and how many pairs have the same picture, one that looks like it, or the same bare caption.
CREATE MACRO leakage() AS TABLE
WITH compared AS (
    SELECT
        benchmark, count(*) FILTER (kind = 'picture' AND trouble IS NULL) AS pictures,
        count(*) FILTER (kind = 'caption' AND trouble IS NULL) AS captions,
        count(*) FILTER (trouble IS NOT NULL) AS unusable
    FROM prints GROUP BY benchmark
), shared AS (
    SELECT
        benchmark, count(DISTINCT pair_id) AS pairs, count(*) FILTER (how = 'picture') AS by_picture,
        count(*) FILTER (how = 'alike') AS by_look, count(*) FILTER (how = 'caption') AS by_caption
    FROM leaks GROUP BY benchmark
), lost AS (
    SELECT benchmark, count(DISTINCT text_negative_id) AS negatives
    FROM leaks JOIN text_negatives USING (pair_id) WHERE failed_check IS NULL GROUP BY benchmark
)
SELECT
    benchmark, pictures, captions, unusable, coalesce(pairs, 0) AS pairs, coalesce(by_picture, 0) AS by_picture,
    coalesce(by_look, 0) AS by_look, coalesce(by_caption, 0) AS by_caption, coalesce(negatives, 0) AS negatives
FROM compared LEFT JOIN shared USING (benchmark) LEFT JOIN lost USING (benchmark)
ORDER BY benchmark;

-- Whether judge and targets prefer edited pictures as such: of captions of other pictures, which say nothing of what was
-- changed, the share that the accepted edited picture fits better than the pair's original as it came (`untouched`) or
-- as the same editor made it anew (`remade`). 0.5 is no bias; 95% interval over the originals. `gap` is the mean
-- difference of the cosine similarities. Without operations that change how many things there are: of two pictures of
-- more and of fewer, captions of other pictures prefer one.
CREATE MACRO relevance_bias() AS TABLE
WITH seen AS (
    SELECT r.*, e.method, n.image_id
    FROM relevance r
    JOIN edits e ON e.image_negative_id = r.image_negative_id
    JOIN text_negatives n ON n.text_negative_id = r.text_negative_id
    JOIN verdicts v ON v.text_negative_id = r.text_negative_id
        AND v.image_negative_id = r.image_negative_id AND v.accepted AND v.picture_accepted
    WHERE n.operation NOT IN ('replace_count', 'add_object', 'negate')
), compared AS (
    SELECT role, model, method, 'untouched' AS preferred_to, image_id, over_untouched AS share, edited - untouched AS gap
    FROM seen
    UNION ALL
    SELECT role, model, method, 'remade', image_id, over_remade, edited - remade FROM seen WHERE remade IS NOT NULL
), by_image AS (
    SELECT role, model, method, preferred_to, image_id, count(*) AS n, sum(share) AS share, sum(gap) AS gap
    FROM compared GROUP BY ALL
), means AS (
    SELECT
        role, model, method, preferred_to, sum(n)::BIGINT AS pictures, count(*) AS images, sum(share) / sum(n) AS share,
        sum(gap) / sum(n) AS gap
    FROM by_image GROUP BY ALL
)
SELECT
    role, model, method, preferred_to, pictures, images, round(share, 3) AS share,
    round(if(wide > share, 0, share - wide), 3) AS low, round(if(share + wide > 1, 1, share + wide), 3) AS high,
    round(gap, 5) AS gap
FROM (
    SELECT *, clustered(squares, images, pictures) AS wide FROM (
        SELECT m.*, sum((i.share - i.n * m.share) ** 2) AS squares
        FROM means m JOIN by_image i USING (role, model, method, preferred_to) GROUP BY ALL
    )
)
ORDER BY role, method, preferred_to DESC;

-- Concept association bias ("a purple lemon", arXiv 2212.12043): judge and targets take a picture for a bag of concepts, so
-- that an attribute of one thing passes for another's. `error` is how often they prefer, or cannot tell, the wrong caption
-- where attributes of two things were swapped (`swapped`), or one thing got the attribute of another (`borrowed`);
-- `absent` how often, of the same captions, where a thing got an attribute that nothing there has: that no caption of the
-- picture says, nor its scene where that is known. `bias` is the difference, with a 95% interval over pictures. What
-- truth or people call true is left out.
CREATE MACRO concept_association() AS TABLE
WITH told AS (
    SELECT image_id, lower(string_agg(caption, ' ') || ' ' || coalesce(any_value(scene), '')) AS words
    FROM pairs GROUP BY image_id
), untrue AS (
    SELECT text_negative_id FROM labels WHERE NOT valid AND image_negative_id IS NULL
), changes AS (
    SELECT
        text_negative_id, pair_id, n.image_id,
        CASE
            WHEN operation = 'swap_attribute' THEN 'swapped'
            WHEN regexp_matches(words, '\b' || regexp_escape(lower(negative_phrase)) || '\b') THEN 'borrowed'
            ELSE 'absent'
        END AS change
    FROM text_negatives n JOIN told USING (image_id) ANTI JOIN untrue USING (text_negative_id)
    WHERE operation IN ('swap_attribute', 'replace_attribute') AND failed_check IS NULL
), errors AS (
    SELECT role, model, pair_id, image_id, change, avg((s00 <= s01)::INTEGER) AS error
    FROM scores JOIN changes USING (text_negative_id)
    WHERE role = 'judge' OR role = 'target' OR starts_with(role, 'target ')
    GROUP BY ALL
), by_image AS (
    SELECT e.role, e.model, e.change, e.image_id, count(*) AS n, sum(e.error) AS error, sum(a.error) AS absent
    FROM errors e JOIN errors a ON a.role = e.role AND a.pair_id = e.pair_id AND a.change = 'absent'
    WHERE e.change != 'absent' GROUP BY ALL
), means AS (
    SELECT
        role, model, change, sum(n)::BIGINT AS captions, count(*) AS images, sum(error) / sum(n) AS error,
        sum(absent) / sum(n) AS absent
    FROM by_image GROUP BY ALL
)
SELECT
    role, model, change, captions, images, round(error, 3) AS error, round(absent, 3) AS absent,
    round(error - absent, 3) AS bias, round(error - absent - wide, 3) AS low, round(error - absent + wide, 3) AS high
FROM (
    SELECT *, clustered(squares, images, captions) AS wide FROM (
        SELECT m.*, sum((i.error - i.absent - i.n * (m.error - m.absent)) ** 2) AS squares
        FROM means m JOIN by_image i USING (role, model, change) GROUP BY ALL
    )
)
ORDER BY role, change DESC;

-- The licences that the source states, and what came of the pairs under each.
CREATE MACRO licenses() AS TABLE
WITH kept AS (
    SELECT pair_id, count(*) AS usable, count(*) FILTER (accepted) AS accepted
    FROM verdicts v JOIN text_negatives n USING (text_negative_id) WHERE v.failed_check IS NULL GROUP BY pair_id
)
SELECT
    coalesce(nullif(license, ''), 'not stated') AS license, count(*) AS captions,
    count(DISTINCT image_id) AS images, coalesce(sum(usable), 0)::BIGINT AS usable,
    coalesce(sum(accepted), 0)::BIGINT AS accepted
FROM pairs LEFT JOIN kept USING (pair_id)
GROUP BY 1 ORDER BY captions DESC, license;
