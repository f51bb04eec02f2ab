// The frame of a page: its title, what stands beside it, and its contents.
import { Flex, FlexItem, PageSection, Title } from '@patternfly/react-core';
import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import { words } from '../words';

/** `above`: where the page belongs. `fills`: its contents scroll by themselves, not the page. */
export function PageFrame({ title, above, aside, fills = false, children }: {
  title: string; above?: ReactNode; aside?: ReactNode; fills?: boolean; children: ReactNode;
}) {
  useEffect(() => void (document.title = `${title} – ${words.product}`), [title]);
  return (
    <PageSection isFilled className={fills ? 'fills' : undefined}>
      {above}
      <Flex className="head" alignItems={{ default: 'alignItemsCenter' }} columnGap={{ default: 'columnGapMd' }}>
        <FlexItem><Title headingLevel="h1" className="name">{title}</Title></FlexItem>
        {aside && <FlexItem>{aside}</FlexItem>}
      </Flex>
      {children}
    </PageSection>
  );
}

/** A link within the console. */
export function To({ path, children }: { path: string; children: ReactNode }) {
  return <Link href={path} className="pf-v6-c-button pf-m-link pf-m-inline name">{children}</Link>;
}

export const machinePath = (id: string) => `/machines/${encodeURIComponent(id)}`;
export const jobPath = (id: string) => `/jobs/${encodeURIComponent(id)}`;
