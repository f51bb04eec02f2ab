package upgrading

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const startPatience = 20 * time.Second

// replace is safe against a power cut: the note and whoever waits are there before the new program is, and the former
// one stays beside it.
func (u Upgrader) replace(piece Piece) error {
	if err := u.requireSound(piece); err != nil {
		return err
	}
	if err := os.Chmod(u.next(), 0o755); err != nil {
		return err
	}
	os.Remove(u.former())
	if err := os.Link(u.Program, u.former()); err != nil {
		return fmt.Errorf("%s cannot be kept: %w", u.Program, err)
	}
	if err := u.promise(piece.Version); err != nil {
		u.forget()
		return err
	}
	if err := os.Rename(u.next(), u.Program); err != nil {
		u.forget()
		return err
	}
	return synced(filepath.Dir(u.Program))
}

// promise has somebody wait for the program that will be there.
func (u Upgrader) promise(version string) error {
	on := note{Version: version, IsService: isService()}
	if err := u.write(on); err != nil {
		return err
	}
	if !on.IsService {
		return nil
	}
	if err := u.Services.StandBy(u.watching()); err != nil {
		return fmt.Errorf("nobody would wait for the new program: %w", err)
	}
	return nil
}

// requireSound reads it back from the disk, and has it say who it is.
func (u Upgrader) requireSound(piece Piece) error {
	file, err := os.Open(u.next())
	if err != nil {
		return err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return err
	}
	if found := hex.EncodeToString(digest.Sum(nil)); found != piece.SHA256 {
		return fmt.Errorf("the program arrived with the SHA-256 %s, and should have %s", found, piece.SHA256)
	}
	if err := os.Chmod(u.next(), 0o700); err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	said, err := exec.CommandContext(patience, u.next(), "--version").Output()
	if err != nil {
		return fmt.Errorf("the program does not start on this machine: %w", err)
	}
	if found := strings.TrimSpace(string(said)); found != piece.Version {
		return fmt.Errorf("the program says that it is version %.64q, and should be %.64q", found, piece.Version)
	}
	return nil
}

func synced(folder string) error {
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer opened.Close()
	return opened.Sync()
}
