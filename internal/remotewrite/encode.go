package remotewrite

import (
	"cmp"
	"math"
	"slices"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"vaiven"
)

// encode makes a WriteRequest of the samples, compressed as a block of snappy. Samples
// of a series stand in the order of their times; of two at the same time the first
// counts, as in the history.
func encode(samples []vaiven.Sample) []byte {
	index := map[vaiven.Series]int{}
	var series [][]vaiven.Sample
	for _, s := range samples {
		i, ok := index[s.Series]
		if !ok {
			i = len(series)
			index[s.Series] = i
			series = append(series, nil)
		}
		series[i] = append(series[i], s)
	}
	var request []byte
	for _, points := range series {
		request = appendMessage(request, 1, appendSeries(nil, points))
	}
	return s2.EncodeSnappy(nil, request)
}

// appendSeries writes a TimeSeries.
func appendSeries(b []byte, points []vaiven.Sample) []byte {
	slices.SortStableFunc(points, func(x, y vaiven.Sample) int { return cmp.Compare(x.At, y.At) })
	points = slices.CompactFunc(points, func(x, y vaiven.Sample) bool { return x.At == y.At })
	for _, l := range points[0].Labels() {
		label := appendMessage(appendMessage(nil, 1, []byte(l.Name)), 2, []byte(l.Value))
		b = appendMessage(b, 1, label)
	}
	for _, p := range points {
		sample := protowire.AppendTag(nil, 1, protowire.Fixed64Type)
		sample = protowire.AppendFixed64(sample, math.Float64bits(p.Num))
		sample = protowire.AppendTag(sample, 2, protowire.VarintType)
		sample = protowire.AppendVarint(sample, uint64(p.At))
		b = appendMessage(b, 2, sample)
	}
	return b
}

func appendMessage(b []byte, field protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), content)
}
