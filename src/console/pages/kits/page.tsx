import { useQueries } from '@tanstack/react-query'
import { listClients, readMe } from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import { asking, useAnswer } from '../../api/queries.ts'
import { readKit } from '../../api/safety-calls.ts'
import { Page } from '../../parts/page.tsx'
import { Answered } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { Kit } from './kit.tsx'
import { kitsWords } from './words.ts'

/** The recovery kits of the clients: is each printed and put away? */
export function KitsPage() {
  const words = useWords(kitsWords)
  const { data: me } = useAnswer(readMe, {})
  const query = useAnswer(listClients, {})
  const clients = query.data ?? []
  const kits = useQueries({ queries: clients.map(({ id }) => asking(readKit, { params: { client: id } })) })
  const isKnown = kits.every(({ data }) => data !== undefined)
  const isStored = isKnown && kits.every(({ data }) => data?.stored === true)
  const headline = isStored ? words.stored : <em>{words.notStored}</em>
  return (
    <Page
      about={words.about}
      headline={query.data && isKnown ? headline : ' '}
      lead={words.lead}
      asOf={query.dataUpdatedAt}
    >
      <Answered query={query}>
        {() =>
          clients.map((client, at) => {
            const kit = kits[at]
            return (
              kit && (
                <Answered key={client.id} query={kit}>
                  {(state) => (
                    <Kit
                      client={client}
                      state={state}
                      mayMake={me !== undefined && may(me, 'administer', client.id)}
                      mayHaveServer={me !== undefined && may(me, 'administer')}
                    />
                  )}
                </Answered>
              )
            )
          })
        }
      </Answered>
    </Page>
  )
}
