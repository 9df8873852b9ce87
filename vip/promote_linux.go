package vip

// removeAlone takes one entry off its link and leaves the others there.
func (k *kernel) removeAlone(_ view, e entry, l link) error { return k.remove(e, l) }
