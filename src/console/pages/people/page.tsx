import { listInvitations, listPeople, listClients } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import type { Person } from '../../api/person.ts'
import { useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Moment } from '../../parts/figures.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answered } from '../../parts/states.tsx'
import { Status } from '../../parts/status.tsx'
import { useWords } from '../../words/locale.ts'
import { Invite } from './invite.tsx'
import { peopleWords } from './words.ts'

export function PeoplePage() {
  const words = useWords(peopleWords)
  const query = useAnswer(listPeople, {})
  const invitations = useAnswer(listInvitations, {})
  const { data: people = [], dataUpdatedAt } = query
  const bare = people.filter(({ secondFactor }) => !secondFactor).length
  const lead = people.length === 1 ? words.alone : bare > 0 ? words.noFactor(bare) : undefined
  return (
    <Page
      about={words.about}
      headline={query.data ? words.headline(people.length) : ' '}
      lead={lead}
      asOf={dataUpdatedAt}
    >
      <Answered query={query}>{(all) => <PeopleTable people={all} />}</Answered>
      {invitations.data && invitations.data.length > 0 && <Invitations of={invitations.data} />}
      <Section title={words.invite}>
        <Invite />
      </Section>
    </Page>
  )
}

function useRoleWords(): (roles: Person['roles']) => string {
  const words = useWords(peopleWords)
  const { data: clients = [] } = useAnswer(listClients, {})
  const nameOf = new Map(clients.map(({ id, name }) => [id, name]))
  return (roles) =>
    roles
      .map(
        ({ clientId, role }) =>
          `${words[role]} (${clientId === '*' ? words.everywhere : (nameOf.get(clientId) ?? clientId)})`,
      )
      .join(', ')
}

function PeopleTable({ people }: { readonly people: readonly Person[] }) {
  const words = useWords(peopleWords)
  const roleWords = useRoleWords()
  const columns: readonly TableColumn<Person>[] = [
    { id: 'name', title: words.name, text: ({ name }) => name, sortBy: ({ name }) => name, cell: ({ name }) => name },
    {
      id: 'email',
      title: words.email,
      text: ({ email }) => email,
      sortBy: ({ email }) => email,
      cell: ({ email }) => email,
    },
    { id: 'roles', title: words.roles, text: ({ roles }) => roleWords(roles), cell: ({ roles }) => roleWords(roles) },
    {
      id: 'factor',
      title: words.factor,
      sortBy: ({ secondFactor }) => Number(secondFactor),
      cell: ({ secondFactor }) =>
        secondFactor ? <Status is="good">{words.yes}</Status> : <Status is="look">{words.no}</Status>,
    },
  ]
  return <DataTable label={words.about} rows={people} columns={columns} keyOf={({ id }) => id} />
}

type Invitation = AnswerOf<typeof listInvitations>[number]

function Invitations({ of }: { readonly of: readonly Invitation[] }) {
  const words = useWords(peopleWords)
  const roleWords = useRoleWords()
  const columns: readonly TableColumn<Invitation>[] = [
    { id: 'email', title: words.email, cell: ({ email }) => email },
    { id: 'roles', title: words.roles, cell: ({ roles }) => roleWords(roles) },
    { id: 'until', title: words.until, cell: ({ expiresAt }) => <Moment at={expiresAt} /> },
  ]
  return (
    <Section title={words.invited}>
      <DataTable label={words.invited} rows={of} columns={columns} keyOf={({ email }) => email} />
    </Section>
  )
}
