// Words of the editors.
import { span } from './format';

export const edits = {
  save: 'Save',
  create: 'Create',
  edit: 'Edit',
  title: (what: string) => `Edit ${what}`,
  none: 'none',
  unsent: 'What you changed was not sent',
  unsentDo: 'Leave once more to drop it, or save it.',
  mayNot: (what: string) => `Your role does not allow this: ${what}.`,
  stale: {
    title: 'Somebody else changed this meanwhile',
    what: 'What', was: 'When you opened this', now: 'Now', mine: 'In your form', same: 'What was changed is not part of this form.',
    take: 'Take what is there now', keep: 'Go on with mine',
  },
  wrong: {
    needed: 'Give this.', name: 'Use a-z, 0-9 and "-", at most 63 characters, and no "-" first.', long: (most: number) => `At most ${most} characters.`,
    number: (least: number, most: number) => `Give a whole number from ${least} to ${most}.`,
    span: (least: number, most: number) => `Give a span from ${span(least)} to ${span(most)}, as 15 min or 1 h 30 min.`,
    size: 'Give a size, as 4 GiB or 500 MB.',
  },
  remove: { act: 'Delete', title: (what: string) => `Delete ${what}` },
  plan: {
    create: 'New recovery plan', name: 'Name', nameHelp: 'It cannot be changed later.', goal: 'RTO goal', goalHelp: 'How long a run may take until its last machine runs, as 1 h 30 min; 0 for none.',
    group: (at: number) => `Group ${at}`, beside: 'The machines of a group start side by side; the next group starts once they run.',
    before: (at: number) => `Before group ${at}`, machines: (at: number) => `Machines of group ${at}`, after: (at: number) => `After group ${at}`,
    addGroup: 'Add a group', addMachines: (at: number) => `Choose machines for group ${at}`, addAction: (at: string) => `Add an action: ${at}`,
    newAction: 'New action', up: (name: string) => `Move ${name} up`, down: (name: string) => `Move ${name} down`, place: (name: string) => `Place of ${name}`,
    drop: (name: string) => `Take ${name} out`, change: (name: string) => `Edit ${name}`, drag: (name: string) => `Drag ${name}`, away: 'its protection ended',
    moved: (name: string, place: string, at: number, of: number) => `${name}: ${place}, ${at} of ${of}`, movedGroup: (at: number, of: number) => `The group is now ${at} of ${of}`,
    out: (name: string) => `${name} was taken out`, nothing: 'Nothing stands here.', needGroup: 'A plan needs a group.', needMachine: 'Choose a machine for this group, or take it out.',
    who: 'Done by', person: 'a person', script: 'a script', action: 'Name of the action', instruction: 'What is to be done', instructionHelp: 'The run waits until somebody says how it went. At most 2000 characters.',
    file: 'Script', fileHelp: "The name of a file in the script folder of the target's appliance.", fileWrong: 'Give the name of a file, without a path.',
    guest: 'Runs', byAppliance: "on the target's appliance", inside: (name: string) => `inside ${name}`, timeout: 'Is killed after',
    guestWrong: 'This machine has not been started by then: choose one of an earlier group, or move the action.',
    kinds: 'For these runs', kind: { test: 'test failover', planned: 'planned failover', unplanned: 'failover' }, directions: 'In these directions', direction: { away: 'away from home', home: 'home' },
    needOne: 'Choose one at least.', deletes: ['The plan is deleted. Its machines stay protected, and their points stay.', 'Schedules of drills that were made for it find nothing to drill.'],
  },
};
