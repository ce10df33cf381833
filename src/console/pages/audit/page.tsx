import { listAudit, listMachines, listPeople, readMe, verifyAudit } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import { may } from '../../api/person.ts'
import { useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Moment } from '../../parts/figures.tsx'
import { shownValue } from '../../parts/shown-value.ts'
import { Values } from '../../parts/values.tsx'
import { Page } from '../../parts/page.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { formatNumber } from '../../words/formats.ts'
import { useLocale, useWords } from '../../words/locale.ts'
import { auditWords } from './words.ts'

type Entry = AnswerOf<typeof listAudit>[number]

/** As many as the server gives at once. */
const pageLength = 500

/** What was done last, and whether the log is whole. Who may see only one client's entries sees the first of them. */
export function AuditPage() {
  const words = useWords(auditWords)
  const { locale } = useLocale()
  const { data: me } = useAnswer(readMe, {})
  const seesAll = me !== undefined && may(me, 'audit')
  const { data: verified } = useAnswer(verifyAudit, {}, { enabled: seesAll })
  const after = Math.max(0, (verified?.entries ?? 0) - pageLength)
  const query = useAnswer(
    listAudit,
    { query: { after } },
    { enabled: me !== undefined && (!seesAll || verified !== undefined) },
  )
  const fault = verified?.fault
  const headline = verified ? (fault ? words.notWhole(formatNumber(fault.seq, locale)) : words.whole) : words.headline
  return (
    <Page
      about={words.about}
      headline={fault ? <em>{headline}</em> : headline}
      lead={verified && words.lead(formatNumber(verified.entries, locale))}
      asOf={query.dataUpdatedAt}
      isWide
    >
      <Answered query={query}>
        {(entries) => (entries.length === 0 ? <Empty title={words.none} /> : <EntryTable entries={entries} />)}
      </Answered>
    </Page>
  )
}

function EntryTable({ entries }: { readonly entries: readonly Entry[] }) {
  const words = useWords(auditWords)
  const { data: me } = useAnswer(readMe, {})
  const { data: machines = [] } = useAnswer(listMachines, {})
  const { data: people = [] } = useAnswer(listPeople, {}, { enabled: me !== undefined && may(me, 'administer') })
  const names = new Map<string, string>([
    ...[...people, ...(me ? [me] : [])].map(({ id, name }) => [`person:${id}`, name] as const),
    ...machines.map(({ id, name }) => [`machine:${id}`, name] as const),
  ])
  const whoOf = ({ who }: Entry) => names.get(who) ?? (who === 'server' ? words.byServer : who)
  const columns: readonly TableColumn<Entry>[] = [
    { id: 'when', title: words.when, sortBy: ({ seq }) => seq, cell: ({ at }) => <Moment at={at} /> },
    { id: 'who', title: words.who, text: whoOf, sortBy: whoOf, cell: whoOf },
    {
      id: 'what',
      title: words.what,
      text: ({ what }) => what,
      sortBy: ({ what }) => what,
      cell: ({ what }) => what,
      isShort: true,
    },
    {
      id: 'where',
      title: words.where,
      text: ({ fromWhere }) => fromWhere,
      cell: ({ fromWhere }) => fromWhere,
      isShort: true,
    },
    {
      id: 'details',
      title: words.details,
      text: ({ details }) => JSON.stringify(details),
      cell: ({ details }) => <Details of={details} />,
    },
  ]
  return (
    <DataTable
      label={words.about}
      rows={entries}
      columns={columns}
      keyOf={({ seq }) => String(seq)}
      sorting={{ by: 'when', isDown: true }}
    />
  )
}

/** What says something to a person in one line; everything, ids too, when one opens it. */
function Details({ of }: { readonly of: Entry['details'] }) {
  const { locale } = useLocale()
  const { details } = useWords(auditWords)
  if (Object.keys(of).length === 0) return null
  const told = Object.entries(of).filter(([, value]) => typeof value !== 'object' && !isId(value))
  const line = told.map(([name, value]) => `${name}: ${shownValue(value, locale)}`).join(' · ')
  return (
    <details>
      <summary>{line === '' ? details : line}</summary>
      <Values of={of} />
    </details>
  )
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && /^([0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64})$/.test(value)
}
