package console

// help is the page about keys and marks, on at most h lines.
func (f *framer) help(h int) []string {
	l := f.l
	lines := []string{f.color.str(sgrBold, l.Say("Keys", "Teclas"))}
	keys := [][2]string{
		{"↑ ↓  k j", l.Say("select a device, or scroll the pane", "elegir un dispositivo, o mover el panel")},
		{"PgUp PgDn", l.Say("a page up or down", "una página arriba o abajo")},
		{"Home End", l.Say("first and last", "el primero y el último")},
	}
	if f.o.Ask != nil {
		keys = append(keys, [][2]string{
			{l.Say("space  t", "espacio  t"), l.Say("switch the device's LED, or its chosen state", "cambiar su LED, o su estado elegido")},
			{"← →", l.Say("choose another state", "elegir otro estado")},
			{"=  :", l.Say("type a value: DIM=40, 101 LED=0, t RELAY", "escribir un valor: DIM=40, 101 LED=0, t RELAY")},
		}...)
	}
	keys = append(keys, [][2]string{
		{"s", l.Say("sort by id, name, age, TEMP, rejected", "ordenar por id, nombre, tiempo, TEMP, rechazos")},
		{"r", l.Say("reverse the order", "invertir el orden")},
		{"e", l.Say("every event, or only what matters", "todos los eventos, o solo lo que importa")},
		{"tab", l.Say("between the table and the pane", "entre la tabla y el panel")},
		{"q  Ctrl-C", l.Say("quit", "salir")},
	}...)
	for _, k := range keys {
		lines = append(lines, "  "+f.color.str(sgrBold, fit(k[0], 10))+"  "+k[1])
	}
	lines = append(lines, "", f.color.str(sgrBold, l.Say("Marks", "Marcas")),
		"  ● "+l.Say("connected", "conectada")+"   ◐ "+l.Say("silent", "callada")+"   ○ "+l.Say("disconnected", "desconectada"),
		"  z "+l.Say("asleep", "dormida")+"   ! "+l.Say("two boards, one id", "dos placas, un id"),
		"  … "+l.Say("asked", "pedido")+"  → "+l.Say("sent", "enviado")+"  ✓ "+l.Say("confirmed", "confirmado")+
			"  ✗ "+l.Say("expired or refused", "vencido o rechazado"),
		"", l.Say("any key closes this", "cualquier tecla cierra esto"))
	return lines[:min(len(lines), max(h, 0))]
}
