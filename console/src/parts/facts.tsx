// Facts about one thing, and short tables.
import { Card, CardBody, CardTitle, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Title } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { ReactNode } from 'react';
import { words } from '../words';

export type Fact = readonly [term: string, told: ReactNode];

const isNothing = (told: ReactNode) => told === null || told === undefined || told === false || told === '';

/** Terms with what they are; what is not known is left out. */
export function Facts({ of, isCompact = true }: { of: readonly Fact[]; isCompact?: boolean }) {
  return (
    <DescriptionList isCompact={isCompact} orientation={{ sm: 'vertical', md: 'horizontal' }} termWidth="12rem">
      {of.filter(([, told]) => !isNothing(told)).map(([term, told]) => (
        <DescriptionListGroup key={term}>
          <DescriptionListTerm>{term}</DescriptionListTerm>
          <DescriptionListDescription>{told}</DescriptionListDescription>
        </DescriptionListGroup>
      ))}
    </DescriptionList>
  );
}

export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card className="part" component="section" aria-label={title}>
      <CardTitle><Title headingLevel="h2" size="lg">{title}</Title></CardTitle>
      <CardBody>{children}</CardBody>
    </Card>
  );
}

export type Cell<T> = { title: string; cell: (row: T) => ReactNode; isMinor?: boolean };

/** A short table; on a narrow screen each row stands below the one before, with the titles beside its cells. */
export function Rows<T>({ name, rows, columns, idOf, none = words.empty }: {
  name: string; rows: readonly T[]; columns: readonly Cell<T>[]; idOf: (row: T, at: number) => string; none?: string;
}) {
  if (!rows.length) return <p>{none}</p>;
  return (
    <Table aria-label={name} variant="compact" gridBreakPoint="grid-md">
      <Thead><Tr>{columns.map((each) => <Th key={each.title} modifier="wrap">{each.title}</Th>)}</Tr></Thead>
      <Tbody>
        {rows.map((row, at) => (
          <Tr key={idOf(row, at)}>
            {columns.map((each) => <Td key={each.title} dataLabel={each.title} className="name"><div>{each.cell(row)}</div></Td>)}
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}
