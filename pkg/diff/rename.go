package diff

// renames pairs objects that are on one side alone and have the same content
// but for their name; what is left is gone and came.
func (c *comparison) renames(old, new *Side, gone, came []*object) (pairs [][2]*object, goneStill, cameStill []*object) {
	return nil, gone, came
}
