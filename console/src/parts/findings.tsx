// What is wrong, and what to do about it.
import { Alert, AlertGroup } from '@patternfly/react-core';
import type { Shapes } from '../api';
import { words } from '../words';
import { ago } from '../words/format';

const worstFirst = (of: readonly Shapes['Finding'][]) => [...of].sort((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical'));

export function Findings({ of }: { of: readonly Shapes['Finding'][] }) {
  if (!of.length) return null;
  return (
    <AlertGroup aria-label={words.findings.title}>
      {worstFirst(of).map((each) => (
        <Alert key={each.code + each.what} isInline variant={each.severity === 'critical' ? 'danger' : 'warning'} title={each.what} component="h2">
          <p>{each.cause}</p>
          <p><strong>{words.next}:</strong> {each.do}</p>
          <p className="small">{each.code}, {ago(each.since)}{each.said_by && `, ${words.findings.by(each.said_by)}`}</p>
        </Alert>
      ))}
    </AlertGroup>
  );
}
