// A table of any length: only the rows in view are in the document. So nothing of its layout may come of what stands in
// them: widths are given, and a row is one line. Else a long name that comes into view makes rows higher, which moves it
// out of view, and so on without end.
import { Table, Tbody, Td, Th, Thead, Tr, type ThProps } from '@patternfly/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, type CSSProperties, type ReactNode } from 'react';

const ROW_PIXELS = 41;
const BEYOND = 10;

/** `width`: in the root's letters (rem), of a table that is not wide; the first column takes what is left. `says`: what may be too long for its column, whole. `isMinor`: left out on narrow screens, figures
 * first.
 * `by`: what the table is sorted by with this column. */
export type Column<T> = { title: string; width?: number; cell: (row: T) => ReactNode; says?: (row: T) => string; isMinor?: boolean; isFigure?: boolean; by?: string };
export type Order = { by: string; isDown: boolean };

const looks = <T,>(column: Column<T>) => [column.isMinor && 'wide', column.isFigure && 'figure'].filter(Boolean).join(' ');

const wide = <T,>({ width }: Column<T>) => (width === undefined ? {} : { style: { '--column': width } as CSSProperties });

/** `onPoint`: told of whatever a hand does in it. */
export function VirtualTable<T>({ name, rows, columns, idOf, order, onOrder, onPoint }: {
  name: string; rows: readonly T[]; columns: readonly Column<T>[]; idOf: (row: T) => string; order: Order; onOrder: (to: Order) => void; onPoint?: () => void;
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
  const gap = (height: number) => height > 0 && <Tr aria-hidden><Td className="gap" style={{ height }} /></Tr>;
  return (
    <div ref={box} onPointerMove={onPoint} onPointerDown={onPoint} onKeyDown={onPoint} className="scroller grow" tabIndex={0} role="region" aria-label={name}>
      <Table aria-label={name} aria-rowcount={rows.length + 1} variant="compact" isStickyHeader gridBreakPoint="">
        <Thead>
          <Tr>
            {columns.map((each, at) => (
              <Th key={each.title} className={looks(each)} {...wide(each)} sort={each.by ? sorted(at, each.by) : undefined} modifier="nowrap">{each.title}</Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {gap(above)}
          {items.map(({ index }) => {
            const row = rows[index]!;
            return (
              <Tr key={idOf(row)} ref={view.measureElement} data-index={index} aria-rowindex={index + 2}>
                {columns.map((each) => <Td key={each.title} className={looks(each)} tooltip={null} title={each.says?.(row)}>{each.cell(row)}</Td>)}
              </Tr>
            );
          })}
          {gap(below)}
        </Tbody>
      </Table>
    </div>
  );
}
