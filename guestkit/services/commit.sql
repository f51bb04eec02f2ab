BEGIN IMMEDIATE;
INSERT INTO rows SELECT rows + 1, printf('%0400d', (rows + 1) * 1000003) FROM total;
UPDATE total SET rows = rows + 1;
COMMIT;
.once /run/row
SELECT rows FROM total;
