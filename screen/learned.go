package screen

// Learned returns learned fonts.
func Learned() []*Font { return nil }
