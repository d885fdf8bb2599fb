package overlay

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// staged is a file system as it will be when some files are written and others
// are gone.
type staged struct {
	filesys.FileSystem
	files   map[string][]byte // by cleaned absolute path
	gone    map[string]bool   // as well
	folders map[string]bool   // those that files are in
}

// Stage shows fsys as it will be once dir, which may not be there yet, has the
// files and no longer has those that are gone; names are slash-separated and
// below dir. It is for Build, which reads files and asks what is there: walking
// and globbing see fsys as it is.
func Stage(fsys filesys.FileSystem, dir string, files map[string][]byte, gone []string) filesys.FileSystem {
	s := &staged{fsys, map[string][]byte{}, map[string]bool{}, map[string]bool{}}
	root := s.resolve(dir)
	for _, name := range gone {
		s.gone[filepath.Join(root, filepath.FromSlash(name))] = true
	}
	for name, data := range files {
		s.files[filepath.Join(root, filepath.FromSlash(name))] = data
		for folder := path.Dir(name); !s.folders[filepath.Join(root, folder)]; folder = path.Dir(folder) {
			s.folders[filepath.Join(root, folder)] = true
		}
	}
	return s
}

// resolve is the absolute path of a name without links, whether or not there is
// such a file.
func (s *staged) resolve(name string) string {
	name = filepath.Clean(name)
	if dir, file, err := s.FileSystem.CleanedAbs(name); err == nil {
		return dir.Join(file)
	}
	parent := filepath.Dir(name)
	if parent == name {
		return name
	}
	return filepath.Join(s.resolve(parent), filepath.Base(name))
}

// what says of a resolved path whether it is a staged file or folder, or known to
// be neither; the file system below knows of all others.
func (s *staged) what(at string) (file, folder, gone bool) {
	_, file = s.files[at]
	folder = s.folders[at]
	return file, folder, s.gone[at] && !file && !folder
}

func (s *staged) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	at := s.resolve(name)
	switch file, folder, gone := s.what(at); {
	case file:
		return filesys.ConfirmedDir(filepath.Dir(at)), filepath.Base(at), nil
	case folder:
		return filesys.ConfirmedDir(at), "", nil
	case gone:
		return "", "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return s.FileSystem.CleanedAbs(name)
}

func (s *staged) Exists(name string) bool {
	file, folder, gone := s.what(s.resolve(name))
	return file || folder || !gone && s.FileSystem.Exists(name)
}

func (s *staged) IsDir(name string) bool {
	file, folder, gone := s.what(s.resolve(name))
	return folder || !file && !gone && s.FileSystem.IsDir(name)
}

func (s *staged) ReadFile(name string) ([]byte, error) {
	at := s.resolve(name)
	switch file, _, gone := s.what(at); {
	case file:
		return s.files[at], nil
	case gone:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return s.FileSystem.ReadFile(name)
}

// ReadDir has what is there and what will be, sorted.
func (s *staged) ReadDir(name string) ([]string, error) {
	at := s.resolve(name)
	names, err := s.FileSystem.ReadDir(name)
	if err != nil && !s.folders[at] {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return s.gone[filepath.Join(at, n)] })
	for _, staged := range slices.Concat(slices.Collect(maps.Keys(s.files)), slices.Collect(maps.Keys(s.folders))) {
		if filepath.Dir(staged) == at && staged != at {
			names = append(names, filepath.Base(staged))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
