// Words with a colour that says how good they are; the word alone says it too.
import { Label } from '@patternfly/react-core';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import InProgressIcon from '@patternfly/react-icons/dist/esm/icons/in-progress-icon';
import MinusCircleIcon from '@patternfly/react-icons/dist/esm/icons/minus-circle-icon';
import PauseCircleIcon from '@patternfly/react-icons/dist/esm/icons/pause-circle-icon';
import type { Shapes } from '../api';
import type { Health, JobState } from '../live';
import { words } from '../words';
import { plain } from '../words/format';

const HEALTHS = {
  healthy: ['success', <CheckCircleIcon />],
  warning: ['warning', <ExclamationTriangleIcon />],
  critical: ['danger', <ExclamationCircleIcon />],
  not_applicable: [undefined, <MinusCircleIcon />],
} as const;

export function HealthLabel({ of }: { of: Health }) {
  const [status, icon] = HEALTHS[of];
  return <Label isCompact variant="outline" status={status} icon={icon}>{words.health[of]}</Label>;
}

type Look = 'going' | 'waits' | 'good' | 'part' | 'bad' | 'none';
const LOOKS = {
  going: ['info', <InProgressIcon />],
  waits: ['warning', <PauseCircleIcon />],
  good: ['success', <CheckCircleIcon />],
  part: ['warning', <ExclamationTriangleIcon />],
  bad: ['danger', <ExclamationCircleIcon />],
  none: [undefined, <MinusCircleIcon />],
} as const;
const STATES: Record<JobState | Shapes['TaskState'], Look> = {
  queued: 'none', running: 'going', waiting: 'waits', cancelling: 'going', held: 'waits', succeeded: 'good',
  partially_succeeded: 'part', failed: 'bad', cancelled: 'none', skipped: 'none', undone: 'part',
};

/** The state of a job, or of one of its tasks. */
export function StateLabel({ of }: { of: JobState | Shapes['TaskState'] }) {
  const [status, icon] = LOOKS[STATES[of] ?? 'none'];
  return <Label isCompact variant="outline" status={status} icon={icon}>{plain(of)}</Label>;
}

/** What is amiss: in a list of findings or sites. */
export function SeverityLabel({ of }: { of: Shapes['Severity'] }) {
  return <HealthLabel of={of} />;
}
