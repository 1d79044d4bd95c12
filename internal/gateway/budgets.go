package gateway

import (
	"net/netip"
	"sync"
	"time"

	"vaiven/internal/limit"
)

// budgets are what addresses, and all together, have used of what they may.
type budgets struct {
	bounds Bounds

	mu  sync.Mutex
	of  map[netip.Addr]*budget // by limit.Key; the zero address stands for those that are too many
	all limit.Bucket           // a day of all that is not approved
}

// budget is that of one address.
type budget struct {
	bytes, day, newcomers limit.Bucket
	brought               int // ids that the log took in of it
}

// maxBudgets bounds the addresses under count.
const maxBudgets = 16 << 10

// counts reports whether what comes from there counts for an address.
func counts(from netip.Addr) bool { return from.IsValid() && !from.Unmap().IsLoopback() }

// find is the budget of an address. The caller holds mu.
func (b *budgets) find(from netip.Addr, now time.Duration) *budget {
	key := limit.Key(from)
	if x := b.of[key]; x != nil {
		return x
	}
	if len(b.of) >= maxBudgets {
		b.forgetUnused(now)
	}
	if len(b.of) >= maxBudgets {
		key = netip.Addr{}
	}
	x := b.of[key]
	if x == nil {
		if b.of == nil {
			b.of = make(map[netip.Addr]*budget)
		}
		x = new(budget)
		b.of[key] = x
	}
	return x
}

// forgetUnused forgets addresses that have used nothing for long. The caller holds mu.
func (b *budgets) forgetUnused(now time.Duration) {
	for key, x := range b.of {
		if x.brought == 0 && x.bytes.Full(b.bounds.Address, now) && x.newcomers.Full(b.bounds.Newcomers, now) &&
			x.day.Full(daily(dayOfAddress*b.bounds.Day), now) {
			delete(b.of, key)
		}
	}
}

// spendBytes counts n bytes of messages, and returns how long the address is to send none.
func (b *budgets) spendBytes(from netip.Addr, n int, now time.Duration) time.Duration {
	if !counts(from) {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.find(from, now).bytes.Spend(b.bounds.Address, float64(n), now)
}

// takeDay takes n bytes of an address's day and of all's, or says how long to wait.
func (b *budgets) takeDay(from netip.Addr, n int, now time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if counts(from) {
		if wait := b.find(from, now).day.Take(daily(dayOfAddress*b.bounds.Day), float64(n), now); wait > 0 {
			return wait
		}
	}
	return b.all.Take(daily(b.bounds.DayInAll), float64(n), now)
}

// takeNewcomer takes one of the ids that an address may bring, or says how long to wait.
func (b *budgets) takeNewcomer(from netip.Addr, now time.Duration) time.Duration {
	if !counts(from) {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.find(from, now).newcomers.Take(b.bounds.Newcomers, 1, now)
}

// noteNewcomer counts an id that the log took in.
func (b *budgets) noteNewcomer(from netip.Addr, now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.find(from, now).brought++
}

// broughtMost is the address that brought most ids, and how many; 0: nobody brought any.
func (b *budgets) broughtMost() (most netip.Addr, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for addr, x := range b.of {
		if x.brought > n || x.brought == n && n > 0 && addr.Less(most) {
			most, n = addr, x.brought
		}
	}
	return most, n
}
