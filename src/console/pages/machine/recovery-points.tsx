import { Button } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { RecoveryPoint } from '#protocol'
import { listRecoveryPoints } from '../../api/calls.ts'
import { send } from '../../api/send.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Count, Moment, Size } from '../../parts/figures.tsx'
import { Section } from '../../parts/page.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { Status } from '../../parts/status.tsx'
import { formatDay, formatSize } from '../../words/formats.ts'
import { useLocale, useWords } from '../../words/locale.ts'
import styles from './machine.module.css'
import { placeOnTimeLine } from './time-line.ts'
import { machineWords } from './words.ts'

/** The recovery points of a machine: a time line, and each of them with sizes and how it was taken. */
export function RecoveryPoints({ machine }: { readonly machine: string }) {
  const words = useWords(machineWords)
  const query = useInfiniteQuery({
    queryKey: [listRecoveryPoints.path, machine],
    queryFn: async ({ pageParam, signal }) => {
      const page = pageParam === undefined ? {} : { after: pageParam }
      return await send(listRecoveryPoints, { params: { machine }, query: page }, { signal })
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    meta: { about: listRecoveryPoints.about },
  })
  const points = query.data?.pages.flatMap(({ recoveryPoints }) => recoveryPoints) ?? []
  return (
    <Section title={words.points}>
      <Answered query={query}>
        {() =>
          points.length === 0 ? (
            <Empty title={words.noPoints}>{words.noPointsLead}</Empty>
          ) : (
            <>
              <TimeLine points={points} />
              <PointTable points={points} />
            </>
          )
        }
      </Answered>
      {query.hasNextPage && (
        <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {words.olderPoints}
        </Button>
      )}
    </Section>
  )
}

interface OfPoints {
  readonly points: readonly RecoveryPoint[]
}

const width = 1_000
const height = 100

/** How much was new in each, where it lies in time. Everything in it stands in the table, too. */
function TimeLine({ points }: OfPoints) {
  const words = useWords(machineWords)
  const { locale } = useLocale()
  const bars = placeOnTimeLine(points, { width, height })
  const [first, last] = [bars[0], bars.at(-1)]
  if (!first || !last || bars.length < 2) return null
  return (
    <>
      <svg
        className={styles.chart}
        viewBox={`0 0 ${width} ${height + 4}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words.pointsChart}
      >
        <line className={styles.axis} x1={0} x2={width} y1={height + 2} y2={height + 2} />
        {bars.map(({ id, x, length, isSuspect, at, added }) => (
          <rect
            key={id}
            className={isSuspect ? styles.suspect : styles.bar}
            x={x}
            y={height - length}
            width={4}
            height={length}
          >
            <title>{`${formatDay(at, locale)} · ${formatSize(added, locale)}`}</title>
          </rect>
        ))}
      </svg>
      <div className={styles.scale}>
        <span>{formatDay(first.at, locale)}</span>
        <span>{formatDay(last.at, locale)}</span>
      </div>
    </>
  )
}

function PointTable({ points }: OfPoints) {
  const words = useWords(machineWords)
  const columns: readonly TableColumn<RecoveryPoint>[] = [
    {
      id: 'time',
      title: words.time,
      text: ({ id }) => id,
      sortBy: ({ receivedAt, content }) => content?.claimedAt ?? receivedAt,
      cell: ({ receivedAt, content }) => <Moment at={content?.claimedAt ?? receivedAt} />,
    },
    {
      id: 'files',
      title: words.files,
      isNumber: true,
      sortBy: ({ content }) => content?.files ?? null,
      cell: ({ content }) => <Count of={content?.files ?? null} />,
    },
    {
      id: 'size',
      title: words.size,
      isNumber: true,
      sortBy: ({ content }) => content?.bytes ?? null,
      cell: ({ content }) => <Size bytes={content?.bytes ?? null} />,
    },
    {
      id: 'added',
      title: words.added,
      isNumber: true,
      sortBy: ({ content }) => content?.bytesAdded ?? null,
      cell: ({ content }) => <Size bytes={content?.bytesAdded ?? null} />,
    },
    {
      id: 'how',
      title: words.how,
      text: ({ content }) => content?.paths.join(' ') ?? '',
      cell: (point) => <How point={point} />,
    },
  ]
  return <DataTable label={words.points} rows={points} columns={columns} keyOf={({ id }) => id} />
}

function How({ point: { content, signed, stored, suspicions, unreadable } }: { readonly point: RecoveryPoint }) {
  const words = useWords(machineWords)
  const bad = [...suspicions.map((suspicion) => words[suspicion]), ...(stored ? [] : [words.notStored])]
  return (
    <>
      {bad.map((each) => (
        <Status key={each} is="bad">
          {each}
        </Status>
      ))}
      {unreadable ? <Status is="unknown">{words.unreadable}</Status> : content?.paths.join(', ')}
      <small>{[signed ? words.signed : words.unsigned, ...(content?.tags ?? [])].join(' · ')}</small>
    </>
  )
}
