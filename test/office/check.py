"""check.py CSV FOLDER: what LibreOffice made of the exports is what the exact CSV says.

es.xlsx is what it understood of the CSV in Spanish, readings.xlsx of the exact one, and
libro.csv what it shows of the workbook.
"""
import csv
import statistics
import sys

import openpyxl

exact, folder = sys.argv[1:]
with open(exact, newline='') as f:
    want = list(csv.reader(f))[1:]
assert len(want) == 300, len(want)

rows = list(openpyxl.load_workbook(folder + '/es.xlsx', read_only=True).worksheets[0].iter_rows(values_only=True))
assert rows[0] == ('IDdato', 'IDdevice', 'TIMEFLAG', 'TEMP', 'HUM'), rows[0]
for got, row in zip(rows[1:], want, strict=True):
    # Every measurement is a number: PROMEDIO leaves texts out.
    assert all(isinstance(v, (int, float)) for v in got[3:]), got
    assert [float(v) for v in got[3:]] == [float(v) for v in row[3:]], (got, row)
    assert int(got[0]) == int(row[0]) and int(got[2]) == int(row[2]), (got, row)
mean = statistics.fmean(r[3] for r in rows[1:])
assert abs(mean - statistics.fmean(float(r[3]) for r in want)) < 1e-9, mean

# Without the dialect it does not: that is what the dialect is for, and shows that the
# locale was Spanish.
plain = list(openpyxl.load_workbook(folder + '/readings.xlsx', read_only=True).worksheets[0].iter_rows(values_only=True))
assert any('.' in row[3] for row in want)
assert any(got[3] != float(row[3]) for got, row in zip(plain[1:], want, strict=True) if '.' in row[3])

with open(folder + '/libro.csv', encoding='utf-8', newline='') as f:
    shown = list(csv.reader(f, delimiter=';'))
assert shown[0] == ['IDdato', 'IDdevice', 'TIMEFLAG', 'TEMP', 'HUM'], shown[0]
for got, row in zip(shown[1:], want, strict=True):
    # The date is one: it is shown by the cell's format. Numbers have a decimal comma.
    minute = got[2].replace('-', '').replace(' ', '').replace(':', '')[:12]
    numbers = [v.replace(',', '.') for v in got[3:]]
    assert [got[0], got[1], minute] == row[:3] and all('.' not in v for v in got[3:]), (got, row)
    assert [float(v) for v in numbers] == [float(v) for v in row[3:]], (got, row)
