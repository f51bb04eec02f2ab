// What went wrong with a job or one of its steps. What names a hundred machines is opened by whoever wants to read it.
import { Alert, ExpandableSection } from '@patternfly/react-core';
import type { Shapes } from '../api';
import { words } from '../words';

const LONG = 300;
const SHOWN = 160;

const cut = (text: string) => `${text.slice(0, text.lastIndexOf(' ', SHOWN) + 1 || SHOWN).trim()} …`;

export function Problem({ of: problem, isPlain = false }: { of: Shapes['Problem']; isPlain?: boolean }) {
  const isLong = problem.message.length > LONG;
  return (
    <Alert isInline isPlain={isPlain} variant="danger" title={isLong ? cut(problem.message) : problem.message} component={isPlain ? 'h4' : 'h3'}>
      {problem.do}
      {isLong && <ExpandableSection toggleText={words.whole}><p className="name">{problem.message}</p></ExpandableSection>}
    </Alert>
  );
}
