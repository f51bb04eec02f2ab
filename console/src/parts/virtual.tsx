// A table of any length: only the rows in view are in the document.
import { Table, Tbody, Td, Th, Thead, Tr, type ThProps } from '@patternfly/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, type ReactNode } from 'react';

const ROW_PIXELS = 41;
const BEYOND = 10;

/** `isMinor`: left out on narrow screens. `by`: what the table is sorted by with this column. */
export type Column<T> = { title: string; cell: (row: T) => ReactNode; isMinor?: boolean; isFigure?: boolean; by?: string };
export type Order = { by: string; isDown: boolean };

const looks = <T,>(column: Column<T>) => [column.isMinor && 'wide', column.isFigure && 'figure'].filter(Boolean).join(' ');

export function VirtualTable<T>({ name, rows, columns, idOf, order, onOrder }: {
  name: string; rows: readonly T[]; columns: readonly Column<T>[]; idOf: (row: T) => string; order: Order; onOrder: (to: Order) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const view = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => ROW_PIXELS, overscan: BEYOND });
  const items = view.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = view.getTotalSize() - (items.at(-1)?.end ?? 0);
  const sorted = (at: number, by: string): ThProps['sort'] => ({
    columnIndex: at,
    sortBy: { index: columns.findIndex((each) => each.by === order.by), direction: order.isDown ? 'desc' : 'asc' },
    onSort: (_event, _at, direction) => onOrder({ by, isDown: direction === 'desc' }),
  });
  const gap = (height: number) => height > 0 && <Tr aria-hidden><Td colSpan={columns.length} className="gap" style={{ height }} /></Tr>;
  return (
    <div ref={box} className="scroller grow" tabIndex={0} role="region" aria-label={name}>
      <Table aria-label={name} aria-rowcount={rows.length + 1} variant="compact" isStickyHeader gridBreakPoint="">
        <Thead>
          <Tr>
            {columns.map((each, at) => (
              <Th key={each.title} className={looks(each)} sort={each.by ? sorted(at, each.by) : undefined} modifier="nowrap">{each.title}</Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {gap(above)}
          {items.map(({ index }) => {
            const row = rows[index]!;
            return (
              <Tr key={idOf(row)} ref={view.measureElement} data-index={index} aria-rowindex={index + 2}>
                {columns.map((each) => <Td key={each.title} className={looks(each)}>{each.cell(row)}</Td>)}
              </Tr>
            );
          })}
          {gap(below)}
        </Tbody>
      </Table>
    </div>
  );
}
