import { useAnswer } from '../../api/queries.ts'
import { listDestinations, listRepositories } from '../../api/copy-calls.ts'
import { readMe } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Count, Size } from '../../parts/figures.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { Status } from '../../parts/status.tsx'
import { useWords } from '../../words/locale.ts'
import { DestinationEntry } from './destination-entry.tsx'
import { couldBeDestroyed, judgeDestination } from './judge-copies.ts'
import type { Destination } from './judge-copies.ts'
import { copiesWords } from './words.ts'

type Repository = AnswerOf<typeof listRepositories>[number]

/** Where copies lie beside this server, how old each is and who can delete it; and the repositories of the server itself. */
export function CopiesPage() {
  const words = useWords(copiesWords)
  const { data: me } = useAnswer(readMe, {})
  const query = useAnswer(listDestinations, {})
  const repositories = useAnswer(listRepositories, {})
  return (
    <Page
      about={words.about}
      headline={query.data ? <Headline destinations={query.data} /> : ' '}
      lead={query.data?.length === 0 ? words.noneLead : undefined}
      asOf={query.dataUpdatedAt}
      isWide
    >
      <Answered query={query}>
        {(destinations) =>
          destinations.length === 0 ? (
            <Empty title={words.noneHow} />
          ) : (
            destinations.map((each) => me && <DestinationEntry key={each.id} destination={each} me={me} />)
          )
        }
      </Answered>
      <Section title={words.repositories}>
        <Answered query={repositories}>{(all) => <Repositories repositories={all} />}</Answered>
      </Section>
    </Page>
  )
}

function Headline({ destinations }: { readonly destinations: readonly Destination[] }) {
  const words = useWords(copiesWords)
  if (destinations.length === 0) return <em>{words.none}</em>
  if (destinations.some((each) => couldBeDestroyed(each) === true)) return <em>{words.deletable}</em>
  const behind = destinations.filter((each) => judgeDestination(each).word !== 'upToDate').length
  return <>{behind > 0 ? words.behind(behind) : words.good(destinations.length)}</>
}

function Repositories({ repositories }: { readonly repositories: readonly Repository[] }) {
  const words = useWords(copiesWords)
  const columns: readonly TableColumn<Repository>[] = [
    { id: 'name', title: words.name, text: ({ name }) => name, sortBy: ({ name }) => name, cell: ({ name }) => name },
    {
      id: 'snapshots',
      title: words.snapshots,
      isNumber: true,
      sortBy: ({ snapshots }) => snapshots,
      cell: ({ snapshots }) => <Count of={snapshots} />,
    },
    {
      id: 'size',
      title: words.size,
      isNumber: true,
      sortBy: ({ usedBytes }) => usedBytes,
      cell: ({ usedBytes }) => <Size bytes={usedBytes} />,
    },
    {
      id: 'removed',
      title: words.removed,
      isNumber: true,
      sortBy: ({ softDeleted }) => softDeleted?.bytes ?? null,
      cell: ({ softDeleted }) => (softDeleted ? <Size bytes={softDeleted.bytes} /> : '–'),
    },
    {
      id: 'held',
      title: words.held,
      cell: ({ held, disagreements }) => (
        <>
          {held ? <Status is="look">{words.isHeld}</Status> : words.notHeld}
          {held && <small>{held.because}</small>}
          {disagreements.length > 0 && <Status is="bad">{words.trouble}</Status>}
        </>
      ),
    },
  ]
  return <DataTable label={words.repositories} rows={repositories} columns={columns} keyOf={({ id }) => id} />
}
