package stream

import (
	"fmt"

	"vaiven"
)

// Durability is what an acknowledgement of this log is worth: what was
// verified when it was opened, and what could not be.
type Durability struct {
	Embedded   bool
	Synced     bool // embedded: every record is written with fsync before it is acknowledged
	Server     string
	Cluster    string // "" for a single server
	Replicas   int    // copies that the stream is kept in
	MaxPayload int64  // bytes
}

// Verified returns what a person may rely on, a line each.
func (d Durability) Verified(lang vaiven.Lang) []string {
	if d.Embedded {
		if !d.Synced {
			return nil
		}
		return []string{lang.Say("every record is on disk (fsync) before it is acknowledged",
			"cada registro está en disco (fsync) antes de confirmarse")}
	}
	where := d.Server
	if d.Cluster != "" {
		where = fmt.Sprintf("%s (cluster %s)", d.Server, d.Cluster)
	}
	return []string{
		fmt.Sprintf(lang.Say("NATS server %s", "servidor NATS %s"), where),
		fmt.Sprintf(lang.Say("stream in files, %d replica(s), nothing is discarded, acknowledged after writing",
			"stream en archivos, %d réplica(s), nada se descarta, se confirma después de escribir"), d.Replicas),
		fmt.Sprintf(lang.Say("messages up to %d KiB", "mensajes de hasta %d KiB"), d.MaxPayload>>10),
	}
}

// Unverified returns what could not be checked, or is known to be missing, a
// line each.
func (d Durability) Unverified(lang vaiven.Lang) []string {
	if d.Embedded {
		if d.Synced {
			return nil
		}
		return []string{lang.Say("fsync is off: a power cut loses acknowledged readings",
			"fsync está apagado: un corte de energía pierde lecturas confirmadas")}
	}
	out := []string{lang.Say("whether the servers write with fsync (sync_interval: always): only their system account can see it",
		"si los servidores escriben con fsync (sync_interval: always): solo su cuenta de sistema puede verlo")}
	if d.Replicas == 1 {
		out = append(out, lang.Say("one replica: without that server nothing can be recorded or read",
			"una réplica: sin ese servidor no se puede grabar ni leer nada"))
	}
	return out
}
