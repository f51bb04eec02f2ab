SELECT CASE
    WHEN whole <> 'ok' THEN 'BAD rows: ' || whole
    WHEN counted <> highest OR counted <> rows THEN
        'BAD rows: ' || counted || ' rows, the highest is ' || highest || ', the total says ' || rows
    WHEN damaged > 0 THEN 'BAD rows: ' || damaged || ' rows hold something else'
    ELSE 'ROWS ' || counted || ' ok' END
FROM
    (SELECT group_concat(integrity_check, '; ') AS whole FROM pragma_integrity_check),
    (SELECT count(*) AS counted, coalesce(max(number), 0) AS highest,
        total(content <> printf('%0400d', number * 1000003)) AS damaged FROM rows),
    total;
