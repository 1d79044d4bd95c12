package export

import (
	"archive/zip"
	"fmt"
	"io"
	"strconv"
	"time"

	"vaiven"
	"vaiven/internal/csvform"
)

// maxSheetRows is how many rows a sheet of Excel or Calc has, the heading included.
const maxSheetRows = 1 << 20

// bookFile is a workbook (ECMA-376): the CSV's columns, where IDdevice is a text (007
// keeps its zeros), TIMEFLAG a date of the spreadsheet, to the millisecond, and what
// was measured a number. What has no room on a sheet goes on the next.
//
// Each sheet is packed while it is made; the parts that name the sheets come last in
// the archive. Why by hand: docs/decisions/22-workbooks-are-written-by-hand.md.
type bookFile struct {
	zip     *zip.Writer
	form    *csvform.Format
	title   string   // of the sheets, with their numbers
	names   []string // of the measurements
	letters []string // of the columns
	maxRows int      // of a sheet
	sheet   io.Writer
	sheets  int
	row     int // of the sheet, the heading included
	buf     []byte
}

func openBook(e *Export, w io.Writer) (file, error) {
	form, err := e.form()
	if err != nil {
		return nil, err
	}
	b := &bookFile{zip: zip.NewWriter(w), form: form, title: e.lang.Say("readings", "lecturas"), names: e.columns, maxRows: e.x.sheetRows}
	for i := range firstValue + len(b.names) {
		b.letters = append(b.letters, columnLetters(i))
	}
	return b, b.beginSheet()
}

// firstValue is the column of the first measurement, from 0 on.
const firstValue = 3

// columnLetters names a column as spreadsheets do: A, Z, AA.
func columnLetters(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return columnLetters(i/26-1) + string(rune('A'+i%26))
}

// What stands in front of a sheet's rows (the heading stays while they scroll, and
// dates have room), and behind them.
const (
	xmlHead   = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	main      = `"http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	sheetHead = xmlHead + `<worksheet xmlns=` + main + `><sheetViews><sheetView workbookViewId="0">` +
		`<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>` +
		`<cols><col min="3" max="3" width="19" customWidth="1"/></cols><sheetData>`
	sheetTail = `</sheetData></worksheet>`
)

// beginSheet begins the next sheet, with its heading.
func (b *bookFile) beginSheet() (err error) {
	b.sheets++
	b.row = 1
	if b.sheet, err = b.zip.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", b.sheets)); err != nil {
		return err
	}
	b.buf = append(b.buf, sheetHead...)
	b.openRow()
	for i, name := range append([]string{"IDdato", "IDdevice", "TIMEFLAG"}, b.names...) {
		b.text(i, name)
	}
	b.buf = append(b.buf, "</row>"...)
	return nil
}

func (b *bookFile) add(n uint64, en vaiven.Entry) error {
	if b.row == b.maxRows {
		if err := b.endSheet(); err != nil {
			return err
		}
		if err := b.beginSheet(); err != nil {
			return err
		}
	}
	b.row++
	r := en.Event.(*vaiven.Reading)
	b.openRow()
	b.number(0, float64(n), "")
	b.text(1, string(r.Device))
	b.number(2, b.serial(&r.Stamp), ` s="1"`)
	for i, name := range b.names {
		if v, ok := vaiven.Find(r.Values, name); ok {
			b.number(firstValue+i, v, "")
		}
	}
	b.buf = append(b.buf, "</row>"...)
	if len(b.buf) < flushAt {
		return nil
	}
	return b.flush()
}

func (b *bookFile) openRow() {
	b.buf = append(b.buf, `<row r="`...)
	b.buf = strconv.AppendInt(b.buf, int64(b.row), 10)
	b.buf = append(b.buf, `">`...)
}

func (b *bookFile) openCell(column int, attributes string) {
	b.buf = append(b.buf, `<c r="`...)
	b.buf = append(b.buf, b.letters[column]...)
	b.buf = strconv.AppendInt(b.buf, int64(b.row), 10)
	b.buf = append(b.buf, '"')
	b.buf = append(b.buf, attributes...)
	b.buf = append(b.buf, '>')
}

// text writes a name, of which no letter means anything in XML.
func (b *bookFile) text(column int, s string) {
	b.openCell(column, ` t="inlineStr"`)
	b.buf = append(b.buf, "<is><t>"...)
	b.buf = append(b.buf, s...)
	b.buf = append(b.buf, "</t></is></c>"...)
}

func (b *bookFile) number(column int, v float64, style string) {
	b.openCell(column, style)
	b.buf = append(b.buf, "<v>"...)
	b.buf = vaiven.AppendNumber(b.buf, v)
	b.buf = append(b.buf, "</v></c>"...)
}

// serial is a moment as spreadsheets count: days since the end of 1899, of the clock
// in the zone of TIMEFLAG.
func (b *bookFile) serial(s *vaiven.Stamp) float64 {
	const dayOf1970, day = 25569, 86_400_000
	_, offset := time.UnixMilli(s.At).In(b.form.Location(s)).Zone()
	return dayOf1970 + float64(s.At+int64(offset)*1000)/day
}

func (b *bookFile) flush() error {
	_, err := b.sheet.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}

func (b *bookFile) endSheet() error {
	b.buf = append(b.buf, sheetTail...)
	return b.flush()
}

// end writes the parts that say what the archive is.
func (b *bookFile) end() error {
	if err := b.endSheet(); err != nil {
		return err
	}
	const (
		rels    = `"http://schemas.openxmlformats.org/package/2006/relationships"`
		docRels = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
		kind    = `application/vnd.openxmlformats-officedocument.spreadsheetml.`
	)
	types := `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + kind + `sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="` + kind + `styles+xml"/>`
	sheets, links := "", `<Relationship Id="rId0" Type="`+docRels+`/styles" Target="styles.xml"/>`
	for i := 1; i <= b.sheets; i++ {
		types += fmt.Sprintf(`<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="%sworksheet+xml"/>`, i, kind)
		sheets += fmt.Sprintf(`<sheet name="%s %d" sheetId="%d" r:id="rId%d"/>`, b.title, i, i, i)
		links += fmt.Sprintf(`<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, i, docRels, i)
	}
	for _, part := range [][2]string{
		{"xl/styles.xml", stylesXML},
		{"xl/workbook.xml", `<workbook xmlns=` + main + ` xmlns:r="` + docRels + `"><sheets>` + sheets + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns=` + rels + `>` + links + `</Relationships>`},
		{"_rels/.rels", `<Relationships xmlns=` + rels + `><Relationship Id="rId1" Type="` + docRels + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"[Content_Types].xml", types + `</Types>`},
	} {
		w, err := b.zip.Create(part[0])
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, xmlHead+part[1]); err != nil {
			return err
		}
	}
	return b.zip.Close()
}

// stylesXML has two formats of cells: 0 as it is, and 1 a date with its time.
const stylesXML = `<styleSheet xmlns=` + main + `><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd\ hh:mm:ss"/></numFmts>` +
	`<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>` +
	`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
	`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
	`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
	`<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
	`<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>` +
	`<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`
