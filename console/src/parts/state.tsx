// What every page shows while it has nothing else to show.
import { Alert, Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, Spinner } from '@patternfly/react-core';
import { Component, Suspense, type ReactNode } from 'react';
import { Refused } from '../api';
import { vaultTime } from '../api/clock';
import { words } from '../words';
import { instant } from '../words/format';
import { Closes, Instead } from './instead';

export function Loading() {
  return (
    <div className="centre" role="status">
      <Spinner aria-label={words.loading} />
    </div>
  );
}

export function Empty({ says = words.empty, children }: { says?: string; children?: ReactNode }) {
  return (
    <EmptyState titleText={says} headingLevel="h2" variant="sm">
      {children && <EmptyStateBody>{children}</EmptyStateBody>}
    </EmptyState>
  );
}

export function Failure({ problem, again }: { problem: unknown; again?: () => void }) {
  const { title, says, next } = told(problem);
  return (
    <EmptyState titleText={title} headingLevel="h2" status="danger" variant="sm">
      <EmptyStateBody>
        <p>{says}</p>
        {next && <p>{next}</p>}
      </EmptyStateBody>
      {again && (
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button variant="secondary" onClick={again}>{words.reload}</Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

/** An error in words: the vault's own, or that it does not answer. */
export function told(problem: unknown): { title: string; says: string; next: string | null } {
  const { title, lost, lostNext } = words.failure;
  if (problem instanceof Refused) return { title, says: problem.message, next: problem.next };
  return { title, says: lost, next: lostNext };
}

type Asked<T> = { data: T | undefined; error: unknown; isPending: boolean; dataUpdatedAt: number; refetch: () => unknown };

/** The three states of what was asked for, and the page once it is there. What was read stays while a repeat
 * is refused, which is said above it; that the vault is not heard at all a banner says. */
export function Asking<T>({ of, children }: { of: Asked<T>; children: (found: T) => ReactNode }) {
  if (of.data !== undefined) return <>{of.error instanceof Refused && <Old problem={of.error} at={of.dataUpdatedAt} />}{children(of.data)}</>;
  return <Instead>{of.error ? <Failure problem={of.error} again={() => void of.refetch()} /> : <Loading />}</Instead>;
}

function Old({ problem, at }: { problem: Refused; at: number }) {
  return <Alert isInline isLiveRegion variant="warning" component="h3" title={words.failure.old(instant(vaultTime(at)))}>{problem.message} {problem.next}</Alert>;
}

/** Around a dialog that may have to be fetched first. */
export function Opening({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  return <Closes value={onClose}><Suspense fallback={<Instead><Loading /></Instead>}>{children}</Suspense></Closes>;
}

/** A page that breaks down takes nothing else with it. */
export class Fence extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <EmptyState titleText={words.failure.program} headingLevel="h2" status="danger">
        <EmptyStateBody>{words.failure.programNext}</EmptyStateBody>
        <EmptyStateFooter>
          <Button variant="secondary" onClick={() => location.reload()}>{words.reload}</Button>
        </EmptyStateFooter>
      </EmptyState>
    );
  }
}
