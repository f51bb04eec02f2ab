// What every page shows while it has nothing else to show.
import { Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, Spinner } from '@patternfly/react-core';
import { Component, Suspense, type ReactNode } from 'react';
import { Refused } from '../api';
import { words } from '../words';
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

type Asked<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };

/** The three states of what was asked for, and the page once it is there. What was read stays while a repeat fails: the
 * banner says how old it is. */
export function Asking<T>({ of, children }: { of: Asked<T>; children: (found: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  return <Instead>{of.error ? <Failure problem={of.error} again={() => void of.refetch()} /> : <Loading />}</Instead>;
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
