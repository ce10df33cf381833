import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import type { FoundFile, SearchAnswer } from '#protocol'
import { listMachines, searchFiles } from '../../api/calls.ts'
import { useAnswer } from '../../api/queries.ts'
import { send } from '../../api/send.ts'
import { serverNow } from '../../api/server-time.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Moment, Size } from '../../parts/figures.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { formatNumber } from '../../words/formats.ts'
import { useLocale, useWords } from '../../words/locale.ts'
import { folderOf, nameOf } from './found-names.ts'
import styles from './get-back.module.css'
import { getBackWords } from './words.ts'

const happenings = ['anything', 'deleted', 'changed'] as const
type Happening = (typeof happenings)[number]

/** Milliseconds between two looks while copies are still being entered into the index. */
const untilIndexed = 4_000

/** Milliseconds that "lately" is. */
const lately = 30 * 86_400_000

export function Search({ onChoose }: { readonly onChoose: (file: FoundFile) => void }) {
  const words = useWords(getBackWords)
  const { locale } = useLocale()
  const wanted = useSearch({ from: '/shell/get-back' })
  const [happening, setHappening] = useState<Happening>('anything')
  const query = useFound(wanted, happening)
  const files = query.data?.pages.flatMap((page) => page.files) ?? []
  const last = query.data?.pages.at(-1)
  return (
    <>
      <SearchForm happening={happening} onHappening={setHappening} />
      {isAsking(wanted, happening) && (
        <Answered query={query}>
          {() =>
            files.length === 0 ? (
              <Empty title={words.nothing}>{words.nothingLead}</Empty>
            ) : (
              <>
                <p role="status">{words.found(formatNumber(last?.total ?? files.length, locale))}</p>
                <FoundTable files={files} onChoose={onChoose} />
              </>
            )
          }
        </Answered>
      )}
      {isIncomplete(last) && (
        <p role="status">
          {words.notSearched} {last?.notSearched.map(({ message }) => message).join(' ')}
        </p>
      )}
      {query.hasNextPage && (
        <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {words.more}
        </Button>
      )}
    </>
  )
}

interface Wanted {
  readonly text?: string | undefined
  readonly machine?: string | undefined
}

function isAsking({ text = '' }: Wanted, happening: Happening): boolean {
  return text.trim() !== '' || happening !== 'anything'
}

/** Whether there are copies that the index does not have yet. */
function isIncomplete(answer: SearchAnswer | undefined): boolean {
  return answer !== undefined && (answer.notSearched.length > 0 || (answer.behind?.length ?? 0) > 0)
}

function useFound({ text = '', machine }: Wanted, happening: Happening) {
  const [since] = useState(() => new Date(serverNow() - lately).toISOString())
  return useInfiniteQuery({
    queryKey: [searchFiles.path, text, machine, happening],
    queryFn: async ({ pageParam, signal }) => {
      const body = {
        text,
        types: ['file', 'folder'] as ('file' | 'folder')[],
        ...(machine !== undefined && { machines: [machine] }),
        ...(happening === 'deleted' && { deletedSince: since }),
        ...(happening === 'changed' && { changedSince: since }),
        ...(pageParam !== undefined && { cursor: pageParam }),
        versions: 50,
      }
      return await send(searchFiles, { body }, { signal })
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ cursor }) => cursor ?? undefined,
    enabled: isAsking({ text }, happening),
    // What came lately is entered into the index a moment later.
    refetchInterval: ({ state }) => (isIncomplete(state.data?.pages.at(-1)) ? untilIndexed : false),
  })
}

interface SearchFormProps {
  readonly happening: Happening
  readonly onHappening: (happening: Happening) => void
}

/** What was typed stands in the address: a search can be sent to somebody, and one comes back to it. */
function SearchForm({ happening, onHappening }: SearchFormProps) {
  const words = useWords(getBackWords)
  const { text = '', machine } = useSearch({ from: '/shell/get-back' })
  const navigate = useNavigate({ from: '/get-back' })
  const { data: machines = [] } = useAnswer(listMachines, {})
  const go = async (wanted: Wanted) => await navigate({ search: { text, machine, ...wanted } })
  return (
    <form
      role="search"
      className={styles.search}
      onSubmit={(event) => {
        event.preventDefault()
        const typed = new FormData(event.currentTarget).get('text')
        void go({ text: typeof typed === 'string' ? typed : '' })
      }}
    >
      <TextInput
        name="text"
        label={words.search}
        defaultValue={text}
        autoFocus
        size="md"
        className={styles.words ?? ''}
      />
      <NativeSelect
        size="md"
        label={words.which}
        value={happening}
        onChange={({ currentTarget: { value } }) =>
          onHappening(happenings.find((each) => each === value) ?? 'anything')
        }
        data={happenings.map((each) => ({ value: each, label: words[each] }))}
      />
      <NativeSelect
        size="md"
        label={words.machine}
        value={machine ?? ''}
        onChange={({ currentTarget: { value } }) => void go({ machine: value === '' ? undefined : value })}
        data={[{ value: '', label: words.anyMachine }, ...machines.map(({ id, name }) => ({ value: id, label: name }))]}
      />
      <Button type="submit" size="md">
        {words.searchDo}
      </Button>
    </form>
  )
}

interface FoundTableProps {
  readonly files: readonly FoundFile[]
  readonly onChoose: (file: FoundFile) => void
}

function FoundTable({ files, onChoose }: FoundTableProps) {
  const words = useWords(getBackWords)
  const { data: machines = [] } = useAnswer(listMachines, {})
  const machineNames = new Map(machines.map(({ id, name }) => [id, name]))
  const machineOf = ({ machine, host }: FoundFile) => machineNames.get(machine) ?? host
  const columns: readonly TableColumn<FoundFile>[] = [
    {
      id: 'name',
      title: words.file,
      text: ({ path }) => path,
      sortBy: ({ path }) => nameOf(path),
      cell: (file) => (
        <>
          <button type="button" className={styles.found} onClick={() => onChoose(file)}>
            {nameOf(file.path)}
          </button>
          <small>{folderOf(file.path)}</small>
        </>
      ),
    },
    { id: 'machine', title: words.host, text: machineOf, sortBy: machineOf, cell: machineOf },
    {
      id: 'newest',
      title: words.newestVersion,
      sortBy: ({ versions }) => versions[0]?.modified ?? null,
      cell: ({ versions: [newest] }) => newest && <Moment at={newest.modified ?? newest.last.time} />,
    },
    {
      id: 'size',
      title: words.size,
      isNumber: true,
      sortBy: ({ versions }) => versions[0]?.size ?? null,
      cell: ({ versions: [newest] }) => (newest?.type === 'file' ? <Size bytes={newest.size} /> : ''),
    },
    {
      id: 'versions',
      title: words.versions,
      isNumber: true,
      sortBy: ({ versionCount }) => versionCount,
      cell: ({ versionCount }) => versionCount,
    },
    { id: 'state', title: words.state, cell: ({ deleted }) => (deleted ? words.gone : words.there) },
  ]
  return (
    <DataTable
      label={words.about}
      rows={files}
      columns={columns}
      keyOf={({ machine, rawPath, host }) => `${machine} ${host} ${rawPath}`}
    />
  )
}
