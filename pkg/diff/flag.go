package diff

func flag(obj *Object, p pair) {}

func FlagIDs() []string { return nil }
