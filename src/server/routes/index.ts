import type { Route } from '../app/route.ts'
import { approvalRoutes } from './approvals.ts'
import { attackRoutes } from './attack.ts'
import { clientRoutes } from './clients.ts'
import { kitRoutes } from './kit.ts'
import { alertSettingsRoutes } from './alert-settings.ts'
import { alertRoutes } from './alerts.ts'
import { eventRoutes } from './events.ts'
import { deviceRoutes } from './devices.ts'
import { lookRoutes } from './looks.ts'
import { machineEvidenceRoutes } from './machine-evidence.ts'
import { destinationRoutes } from './destinations.ts'
import { machineSideRoutes } from './machine-side.ts'
import { machineRoutes } from './machines.ts'
import { operationRoutes } from './operations.ts'
import { peopleRoutes } from './people.ts'
import { firstCopyRoutes } from './first-copies.ts'
import { ownBackupRoutes } from './own-backup.ts'
import { ownAccountRoutes } from './own-account.ts'
import { peopleAccessRoutes } from './people-access.ts'
import { policyRoutes } from './policies.ts'
import { recoveryPointRoutes } from './recovery-points.ts'
import { searchRoutes } from './search.ts'
import { proofRoutes } from './proofs.ts'
import { restoreRoutes } from './restores.ts'
import { repositoryRoutes } from './repositories.ts'
import { serverRoutes } from './server.ts'
import { secondFactorDemandRoutes } from './second-factor-demands.ts'
import { standingRoutes } from './standing.ts'
import { overviewRoutes } from './overview.ts'
import { withoutAgentRoutes } from './without-agent.ts'

/** Every call that the API has. */
export const routes: readonly Route[] = [
  ...serverRoutes,
  ...peopleRoutes,
  ...clientRoutes,
  ...machineRoutes,
  ...machineSideRoutes,
  ...policyRoutes,
  ...operationRoutes,
  ...recoveryPointRoutes,
  ...searchRoutes,
  ...withoutAgentRoutes,
  ...kitRoutes,
  ...restoreRoutes,
  ...proofRoutes,
  ...repositoryRoutes,
  ...attackRoutes,
  ...approvalRoutes,
  ...eventRoutes,
  ...alertRoutes,
  ...alertSettingsRoutes,
  ...lookRoutes,
  ...deviceRoutes,
  ...machineEvidenceRoutes,
  ...destinationRoutes,
  ...ownBackupRoutes,
  ...firstCopyRoutes,
  ...ownAccountRoutes,
  ...peopleAccessRoutes,
  ...secondFactorDemandRoutes,
  ...standingRoutes,
  ...overviewRoutes,
]
