import { Button } from '@mantine/core'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { listOperations } from '../../api/calls.ts'
import { send } from '../../api/send.ts'
import { Page } from '../../parts/page.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { OperationTable } from './table.tsx'
import { operationsWords } from './words.ts'

/** As many as the server gives at once: fewer are the last. */
const pageLength = 200

export function OperationsPage() {
  const words = useWords(operationsWords)
  const query = useInfiniteQuery({
    queryKey: [listOperations.path, 'pages'],
    queryFn: async ({ pageParam, signal }) =>
      await send(listOperations, { query: pageParam === undefined ? {} : { before: pageParam } }, { signal }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => (last.length < pageLength ? undefined : Date.parse(last.at(-1)?.createdAt ?? '')),
    meta: { about: listOperations.about },
    placeholderData: keepPreviousData,
  })
  const operations = query.data?.pages.flat() ?? []
  return (
    <Page about={words.about} headline={<Headline of={operations} />} asOf={query.dataUpdatedAt} isWide>
      <Answered query={query}>
        {() =>
          operations.length === 0 ? (
            <Empty title={words.none}>{words.noneLead}</Empty>
          ) : (
            <OperationTable operations={operations} />
          )
        }
      </Answered>
      {query.hasNextPage && (
        <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {words.older}
        </Button>
      )}
    </Page>
  )
}

function Headline({ of }: { readonly of: readonly { readonly state: string }[] }) {
  const words = useWords(operationsWords)
  const count = (wanted: string) => of.filter(({ state }) => state === wanted).length
  const [running, waiting, failed] = [count('running'), count('waiting'), count('failed')]
  const said = [
    running > 0 ? words.runs(running) : words.quiet,
    waiting > 0 ? words.waits(waiting) : '',
    failed > 0 ? words.failed(failed) : '',
  ]
  return <>{said.filter((each) => each !== '').join(' ')}</>
}
