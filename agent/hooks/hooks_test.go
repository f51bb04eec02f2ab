package hooks

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain is also the process that asks the hooks, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == KeeperVerb {
		if milliseconds, err := strconv.Atoi(os.Getenv("LONGEST_REST")); err == nil {
			longestRest = time.Duration(milliseconds) * time.Millisecond
		}
		if err := Keep(os.Args[2:]); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func folder(t *testing.T, scripts map[string]string) (Hooks, func() string) {
	at := t.TempDir()
	heard := filepath.Join(t.TempDir(), "heard")
	for name, body := range scripts {
		text := "#!/bin/sh\necho " + name + " $1 >> " + heard + "\n" + body + "\n"
		os.WriteFile(filepath.Join(at, name), []byte(text), 0o700)
	}
	return Hooks{Folder: at, Deadline: 2 * time.Second, Noted: filepath.Join(t.TempDir(), "run", "resting")}, func() string {
		text, _ := os.ReadFile(heard)
		return strings.Join(strings.Fields(string(text)), " ")
	}
}

func TestHooksRunInOrderAndBackInReverse(t *testing.T) {
	hooks, heard := folder(t, map[string]string{"10-a": "", "20-b": ""})
	rest := hooks.Freeze()
	rest.Thaw()
	rest.Thaw()
	if heard() != "10-a freeze 20-b freeze 20-b thaw 10-a thaw" || rest.Problem() != "" {
		t.Fatal(heard(), rest.Problem())
	}
}

func TestAfterOneThatFailsNoOtherIsAskedAndBothGoOn(t *testing.T) {
	hooks, heard := folder(t, map[string]string{
		"10-a": "", "20-b": "[ $1 = thaw ] || { echo the database is away; exit 3; }", "30-c": "",
	})
	rest := hooks.Freeze()
	rest.Thaw()
	if heard() != "10-a freeze 20-b freeze 20-b thaw 10-a thaw" {
		t.Fatal(heard())
	}
	if !strings.Contains(rest.Problem(), "20-b failed at freeze (exit status 3): the database is away.") {
		t.Fatal(rest.Problem())
	}
}

func TestOneThatHangsIsKilledWithWhatItStarted(t *testing.T) {
	hooks, _ := folder(t, map[string]string{"10-a": "[ $1 = thaw ] || { sleep 100 & sleep 100; }"})
	hooks.Deadline = 100 * time.Millisecond
	began := time.Now()
	rest := hooks.Freeze()
	if !strings.Contains(rest.Problem(), "10-a did not end within 100ms of freeze") || time.Since(began) > 10*time.Second {
		t.Fatal(rest.Problem(), time.Since(began))
	}
}

func TestHooksThatTakeLongTogetherAreNotAskedFurther(t *testing.T) {
	slow := "[ $1 = thaw ] || sleep 1.4"
	hooks, heard := folder(t, map[string]string{"1": slow, "2": slow, "3": slow, "4": slow})
	rest := hooks.Freeze()
	rest.Thaw()
	if heard() != "1 freeze 2 freeze 3 freeze 3 thaw 2 thaw 1 thaw" || !strings.Contains(rest.Problem(), "more than 4s together") {
		t.Fatal(heard(), rest.Problem())
	}
}

func TestWhatAHookLeavesRunningIsNotWaitedFor(t *testing.T) {
	hooks, _ := folder(t, map[string]string{"10-a": "sleep 30 &"})
	began := time.Now()
	if rest := hooks.Freeze(); rest.Problem() != "" || time.Since(began) > 10*time.Second {
		t.Fatal(rest.Problem(), time.Since(began))
	}
}

func TestOnlyRootsProgramsAreRun(t *testing.T) {
	hooks, heard := folder(t, map[string]string{"10-a": ""})
	os.Chmod(filepath.Join(hooks.Folder, "10-a"), 0o777)
	if rest := hooks.Freeze(); !strings.Contains(rest.Problem(), "written by others") || heard() != "" {
		t.Fatal(rest.Problem(), heard())
	}
}

func TestWithoutHooksApplicationsDidNotRest(t *testing.T) {
	hooks, _ := folder(t, nil)
	if rest := hooks.Freeze(); !strings.Contains(rest.Problem(), "There is no hook") {
		t.Fatal(rest.Problem())
	}
}

func TestAHookThatNeverStopsTalkingTakesLittleMemory(t *testing.T) {
	hooks, _ := folder(t, map[string]string{"10-a": "yes | head -c 3000000; exit 1"})
	if rest := hooks.Freeze(); len(rest.Problem()) > 400 {
		t.Fatal(len(rest.Problem()))
	}
}

func TestApplicationsGoOnIfTheProcessThatAskedThemIsKilled(t *testing.T) {
	hooks, heard := folder(t, map[string]string{"10-a": "", "20-b": ""})
	rest := hooks.Freeze()
	rest.keeper.process.Process.Kill()
	rest.keeper.process.Wait()
	rest.Thaw()
	if heard() != "10-a freeze 20-b freeze 20-b thaw 10-a thaw" || !strings.Contains(rest.Problem(), "ended before its time") {
		t.Fatal(heard(), rest.Problem())
	}
	if hooks.Late() == 0 {
		t.Error("it is not told that they were late")
	}
}

func TestWhoComesAfterBothLetsThemGoOnOnce(t *testing.T) {
	hooks, heard := folder(t, map[string]string{"10-a": "", "20-b": ""})
	rest := hooks.Freeze()
	rest.keeper.process.Process.Kill()
	rest.keeper.process.Wait()
	for i := 0; i < 2; i++ {
		if err := hooks.EndLeftOver(); err != nil {
			t.Fatal(err)
		}
	}
	if heard() != "10-a freeze 20-b freeze 20-b thaw 10-a thaw" {
		t.Fatal(heard())
	}
}

func TestWithoutANoteNothingIsLeftOver(t *testing.T) {
	for _, hooks := range []Hooks{{}, {Noted: filepath.Join(t.TempDir(), "none")}} {
		if err := hooks.EndLeftOver(); err != nil || hooks.Late() != 0 {
			t.Error(err, hooks.Late())
		}
	}
}

func TestApplicationsThatNobodyLetsGoOnDoSoByThemselves(t *testing.T) {
	t.Setenv("LONGEST_REST", "100")
	hooks, heard := folder(t, map[string]string{"10-a": ""})
	rest := hooks.Freeze()
	rest.keeper.process.Wait()
	if heard() != "10-a freeze 10-a thaw" {
		t.Fatal(heard())
	}
	rest.Thaw()
	if heard() != "10-a freeze 10-a thaw" || !strings.Contains(rest.Problem(), "went on by themselves") || hooks.Late() == 0 {
		t.Fatal(heard(), rest.Problem(), hooks.Late())
	}
}

func TestWhatWasLetGoOnInTimeIsNotTold(t *testing.T) {
	hooks, _ := folder(t, map[string]string{"10-a": ""})
	hooks.Freeze().Thaw()
	if hooks.Late() != 0 {
		t.Fatal(hooks.Late())
	}
}
