package wire

// notApprovedSentences are for boards that nobody let in.
var notApprovedSentences = map[string]words{
	"": {"this board waits for somebody to approve it: vaiven devices approve {device}",
		"esta placa espera a que alguien la apruebe: vaiven devices approve {device}"},
	ReasonFull: {"the server has {hi} boards that nobody approved, {raw}, and takes no more of those: approve this one, forget others, or raise --max-unverified",
		"el servidor tiene {hi} placas que nadie aprobó, {raw}, y no admite más: aprueba esta, olvida otras o sube --max-unverified"},
}

// What is said of a board that sends too much, or comes with too many.
var (
	overDay = words{"this board, or its network, has sent what it may in a day ({hi} MB of a board): keep the readings and send them again",
		"esta placa, o su red, ya envió lo que puede en un día ({hi} MB por placa): conserva las lecturas y envíalas otra vez"}
	manyNewcomers = words{"many boards that are not known come from one address: wait a moment", "llegan muchas placas desconocidas desde una dirección: espera un momento"}
)
