package diff

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// span is a run of addresses of one family, with both ends.
type span struct{ first, last netip.Addr }

// spanOf are the addresses of a prefix.
func spanOf(p netip.Prefix) span {
	p = p.Masked()
	last := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	return span{p.Addr(), end}
}

// blockSpans are the addresses of an IPBlock: its cidr without what it excepts.
func blockSpans(cidr netip.Prefix, except []netip.Prefix) []span {
	left := []span{spanOf(cidr)}
	for _, e := range except {
		left = carve(left, spanOf(e))
	}
	return left
}

// carve is spans without those of one.
func carve(spans []span, cut span) []span {
	var out []span
	for _, s := range spans {
		if s.first.BitLen() != cut.first.BitLen() || cut.last.Less(s.first) || s.last.Less(cut.first) {
			out = append(out, s)
			continue
		}
		if s.first.Less(cut.first) {
			out = append(out, span{s.first, cut.first.Prev()})
		}
		if cut.last.Less(s.last) {
			out = append(out, span{cut.last.Next(), s.last})
		}
	}
	return out
}

// holds reports whether all addresses of spans are among those of others.
func holds(others, spans []span) bool {
	for _, o := range others {
		spans = carve(spans, o)
	}
	return len(spans) == 0
}

// ports are what a NetworkPolicyPort allows: numbers, with both ends, or a name.
// Without a protocol they are all ports of all protocols.
type ports struct {
	protocol, name string
	first, last    int
}

func portsOf(n *manifest.Node) ports {
	p := ports{protocol: text(n.Get("protocol")), last: 65535}
	if p.protocol == "" {
		p.protocol = "TCP"
	}
	port := n.Get("port")
	number, numeric := whole(port)
	switch {
	case port.IsNull():
	case !numeric:
		p.name = port.Text
	default:
		p.first, p.last = int(number), int(number)
		if end, ok := whole(n.Get("endPort")); ok {
			p.last = int(end)
		}
	}
	return p
}

func (p ports) all() bool { return p.name == "" && p.first == 0 && p.last == 65535 }

// cover reports whether p has all of q.
func (p ports) cover(q ports) bool {
	switch {
	case p.protocol == "":
		return true
	case p.protocol != q.protocol:
		return false
	case p.all():
		return true
	case p.name != "" || q.name != "":
		return p.name == q.name
	}
	return p.first <= q.first && q.last <= p.last
}

// pieces cut p where others begin and end, so that each of them covers a piece
// or has nothing of it.
func (p ports) pieces(others []traffic) []ports {
	if p.protocol == "" || p.name != "" {
		return []ports{p}
	}
	starts := []int{p.first}
	for _, o := range others {
		for _, at := range []int{o.ports.first, o.ports.last + 1} {
			if o.ports.name == "" && o.ports.protocol == p.protocol && p.first < at && at <= p.last {
				starts = append(starts, at)
			}
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	var out []ports
	for i, at := range starts {
		piece := p
		piece.first = at
		if i+1 < len(starts) {
			piece.last = starts[i+1] - 1
		}
		out = append(out, piece)
	}
	return out
}

func (p ports) String() string {
	switch {
	case p.protocol == "":
		return ""
	case p.all():
		return " on " + p.protocol
	case p.name != "":
		return " on " + p.protocol + " " + p.name
	case p.last > p.first:
		return " on " + p.protocol + " " + strconv.Itoa(p.first) + "-" + strconv.Itoa(p.last)
	}
	return " on " + p.protocol + " " + strconv.Itoa(p.first)
}
