package installing

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFenceIsRenewedForTheHardwareThatItWasMadeFor(t *testing.T) {
	root := t.TempDir()
	h, hardware := Host(root), filepath.Join(root, "uuid")
	for _, unanswered := range []string{"start", "stay"} {
		os.WriteFile(hardware, []byte("server\n"), 0o644)
		if err := h.InstallFence(unanswered, hardware); err != nil {
			t.Fatal(err)
		}
		as, _ := os.ReadFile(h.path(generator))
		service, _ := os.ReadFile(h.path(units + "secondsite-fence.service"))
		old := strings.ReplaceAll(string(as), "network-pre", "of-an-older-release")
		os.WriteFile(h.path(generator), []byte(old), 0o755)
		os.WriteFile(hardware, []byte("its copy\n"), 0o644)
		if err := h.renewFence(); err != nil {
			t.Fatal(err)
		}
		again, _ := os.ReadFile(h.path(generator))
		serviceAgain, _ := os.ReadFile(h.path(units + "secondsite-fence.service"))
		if string(again) != string(as) || string(serviceAgain) != string(service) {
			t.Errorf("%s:\n%s", unanswered, again)
		}
	}
}

func TestWhereThereIsNoFenceNoneIsRenewed(t *testing.T) {
	h := Host(t.TempDir())
	if err := h.renewFence(); err != nil || h.HasFence() {
		t.Error(err)
	}
}
