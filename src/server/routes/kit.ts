import {
  everyClient,
  idSchema,
  kitCodeSchema,
  kitConfirmationSchema,
  kitStateSchema,
  madeKitSchema,
  newKitSchema,
} from '#protocol'
import { z } from 'zod'
import { may } from '../app/caller.ts'
import { route } from '../app/route.ts'
import { ServerError } from '../errors.ts'
import { kitOf, makeKit, takeKitCode } from '../kit/index.ts'
import { confirmPerson, requireFreshProof } from '../people/fresh-proof.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'

const ofClient = z.object({ client: idSchema })

export const kitRoutes = [
  route({
    method: 'GET',
    path: '/api/clients/:client/kit',
    command: 'kit show',
    summary: 'Whether the recovery kit of a client counts as stored, and what is lost with it.',
    access: { by: 'person', right: 'see', of: 'client' },
    params: ofClient,
    answer: kitStateSchema,
    async handle({ params: { client } }, services) {
      const kit = await kitOf(services, client)
      return {
        ...kit,
        madeAt: formatMomentOrNull(kit.madeAt),
        confirmedAt: formatMomentOrNull(kit.confirmedAt),
        due: formatMomentOrNull(kit.due ?? null),
        byHand: [...kit.byHand],
      }
    },
  }),
  route({
    method: 'POST',
    path: '/api/clients/:client/kit',
    command: 'kit make',
    summary:
      'Makes a new recovery kit, to be printed: it holds the passwords of all repositories. Needs a fresh sign-in, or password and code with the call; shown once.',
    access: { by: 'person', right: 'administer', of: 'client' },
    rate: 'keys',
    params: ofClient,
    body: newKitSchema,
    answer: madeKitSchema,
    async handle({ params: { client: clientId }, body, caller, address }, services) {
      const { password, code, ...order } = body
      if (body.withServer && !may(caller.grants, 'administer', everyClient)) {
        throw new ServerError('RIGHT_MISSING', { right: 'administer' })
      }
      if (caller.isLocal) throw new ServerError('PERSON_NEEDED')
      if (password === undefined) requireFreshProof(services, caller)
      else await confirmPerson(services, caller, { password, code, address })
      // Before it is shown: what cannot be written down is not shown.
      await services.audit.write({
        actor: caller.actor,
        what: 'kit.make',
        clientId,
        details: { withServer: body.withServer },
      })
      const { madeAt, ...made } = await makeKit(services, clientId, { ...order, by: caller.actor.who })
      return { ...made, madeAt: formatMoment(madeAt) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/clients/:client/kit/confirmation',
    command: 'kit confirm',
    summary: 'Takes the code that was typed back from the printed kit: from then on, for a year, it counts as stored.',
    access: { by: 'person', right: 'administer', of: 'client' },
    params: ofClient,
    body: kitCodeSchema,
    answer: kitConfirmationSchema,
    async handle({ params: { client: clientId }, body: { code }, caller: { actor } }, services) {
      const confirmation = await takeKitCode(services, clientId, { code, by: actor.who })
      const { result } = confirmation
      await services.audit.write({ actor, what: 'kit.confirm', clientId, details: { result } })
      return { result, reason: confirmation.result === 'wrong' ? confirmation.reason : null }
    },
  }),
]
