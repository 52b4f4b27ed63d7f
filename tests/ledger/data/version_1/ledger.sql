BEGIN TRANSACTION;
CREATE TABLE annotations (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	annotation_id VARCHAR NOT NULL, 
	task_id VARCHAR NOT NULL, 
	annotator VARCHAR NOT NULL, 
	answer TEXT NOT NULL, 
	submitted_at BIGINT NOT NULL, 
	replaces VARCHAR, 
	UNIQUE (annotation_id), 
	FOREIGN KEY(task_id) REFERENCES tasks (task_id), 
	UNIQUE (replaces), 
	FOREIGN KEY(replaces) REFERENCES annotations (annotation_id)
);
INSERT INTO "annotations" VALUES(1,'8c4b54053a7b184913548caf26f8e543881256e4a7c5dac86cc387ba9370bf8e','task-bb12dc457d889158ec1c7559','ada','{"expected_answer":"As the manual says of What is the colour of the sluice in the hill mill?","expected_behaviour":"answer","note":null,"verdict":"hallucination"}',1794819600000000,NULL);
INSERT INTO "annotations" VALUES(2,'f6ccbf86cacbe463e05025320542a351b36e1e00eb9c015270725175474287b7','task-bb12dc457d889158ec1c7559','ada','{"expected_answer":"Corrected.","expected_behaviour":"answer","note":null,"verdict":"ok"}',1794823200000000,'8c4b54053a7b184913548caf26f8e543881256e4a7c5dac86cc387ba9370bf8e');
CREATE TABLE approvals (
	run_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	prefect_run_id VARCHAR, 
	title VARCHAR NOT NULL, 
	markdown TEXT NOT NULL, 
	pinned_hash VARCHAR NOT NULL, 
	asked_at BIGINT NOT NULL, 
	decision VARCHAR, 
	reviewer VARCHAR, 
	note TEXT, 
	decided_at BIGINT, 
	PRIMARY KEY (run_id, "key"), 
	CONSTRAINT ck_approvals_decision_known CHECK (decision IN ('approve', 'reject', 'extend', 'invalid'))
);
INSERT INTO "approvals" VALUES('first','approval-1',NULL,'Approve week 2026-W46?','# Approve week 2026-W46?

**Week 2026-W46** (UTC): 6 traces, 5 of them failures in 2 groups.

| failure | traces |
|---|---|
| hallucination | 3 |
| irrelevant answer | 2 |

Largest groups:

- 3 x hallucination: sluice mill hill colour harbour
- 2 x irrelevant answer: filter mill north pressure torque

**Asked of people:** 6 tasks, about 7 minutes in all. See `millrace annotate status`.

**Approving** adds the answers given by then to golden dataset main (active: none yet) and writes the weekly report. **Rejecting** changes nothing.

Run `first` · pinned `62063eecb869f663`

**approve**: go on with exactly this. **reject**: end without changing anything. **extend**: ask me again.','62063eecb869f66396166c01fc5d28f1554ff4e141d2602e22015ba88b5fd744',1795306151860223,'approve','ada','seen',1794823200000000);
INSERT INTO "approvals" VALUES('second','approval-1',NULL,'Approve week 2026-W46?','# Approve week 2026-W46?

**Week 2026-W46** (UTC): 8 traces, 7 of them failures in 3 groups.

| failure | traces |
|---|---|
| hallucination | 5 |
| irrelevant answer | 2 |

Largest groups:

- 3 x hallucination: hill mill sluice bearing colour
- 2 x irrelevant answer: filter mill north torque pressure
- 2 x hallucination: harbour mill lifetime motor weight

**Asked of people:** 2 tasks, about 2 minutes in all. See `millrace annotate status`.

**Approving** adds the answers given by then to golden dataset main (active: 1.0.0) and writes the weekly report. **Rejecting** changes nothing.

Run `second` · pinned `0cd34abaab063663`

**approve**: go on with exactly this. **reject**: end without changing anything. **extend**: ask me again.','0cd34abaab0636637c56776c15ae9b1d9179774405f2359c4d3f926ef0a3eae7',1795306158763241,NULL,NULL,NULL,NULL);
CREATE TABLE dataset_tenants (
	sequence INTEGER NOT NULL, 
	tenant_id VARCHAR NOT NULL, 
	PRIMARY KEY (sequence, tenant_id), 
	FOREIGN KEY(sequence) REFERENCES datasets (sequence)
);
INSERT INTO "dataset_tenants" VALUES(1,'dam');
INSERT INTO "dataset_tenants" VALUES(1,'mill');
INSERT INTO "dataset_tenants" VALUES(4,'dam');
INSERT INTO "dataset_tenants" VALUES(4,'mill');
INSERT INTO "dataset_tenants" VALUES(6,'dam');
INSERT INTO "dataset_tenants" VALUES(6,'mill');
INSERT INTO "dataset_tenants" VALUES(7,'dam');
INSERT INTO "dataset_tenants" VALUES(7,'mill');
INSERT INTO "dataset_tenants" VALUES(10,'dam');
INSERT INTO "dataset_tenants" VALUES(10,'mill');
INSERT INTO "dataset_tenants" VALUES(11,'mill');
INSERT INTO "dataset_tenants" VALUES(13,'mill');
INSERT INTO "dataset_tenants" VALUES(14,'dam');
INSERT INTO "dataset_tenants" VALUES(14,'mill');
INSERT INTO "dataset_tenants" VALUES(16,'dam');
INSERT INTO "dataset_tenants" VALUES(16,'mill');
INSERT INTO "dataset_tenants" VALUES(18,'dam');
INSERT INTO "dataset_tenants" VALUES(18,'mill');
INSERT INTO "dataset_tenants" VALUES(19,'dam');
INSERT INTO "dataset_tenants" VALUES(19,'mill');
INSERT INTO "dataset_tenants" VALUES(21,'dam');
INSERT INTO "dataset_tenants" VALUES(21,'mill');
INSERT INTO "dataset_tenants" VALUES(22,'dam');
INSERT INTO "dataset_tenants" VALUES(22,'mill');
CREATE TABLE datasets (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR NOT NULL, 
	content_hash VARCHAR NOT NULL, 
	rows BIGINT NOT NULL, 
	time_from BIGINT, 
	time_to BIGINT, 
	run_id VARCHAR NOT NULL, 
	registered_at BIGINT NOT NULL, 
	UNIQUE (kind, content_hash)
);
INSERT INTO "datasets" VALUES(1,'traces','e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a',6,1794278160000000,1794777900000000,'import',1795306149758049);
INSERT INTO "datasets" VALUES(2,'human_ratings','c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d',0,NULL,NULL,'import',1795306149781297);
INSERT INTO "datasets" VALUES(3,'skips','609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c',1,NULL,NULL,'import',1795306149793296);
INSERT INTO "datasets" VALUES(4,'selected_traces','b96c2aa088e3d85b0d1ef11d9418edfc4e38079fa0a132d53dbc69b7c54cac22',6,1794278160000000,1794777900000000,'first',1795306150402385);
INSERT INTO "datasets" VALUES(5,'groundedness','a2bdba5fdf922aa4872b9b6ef6e52a0ddc50ab16fcda76b458025238351153af',6,NULL,NULL,'first',1795306150665391);
INSERT INTO "datasets" VALUES(6,'triage','ef96615881e4517948a82d5217ae0600bfe979d9e231984bd369693e8523d4e0',6,1794278160000000,1794777900000000,'first',1795306150861995);
INSERT INTO "datasets" VALUES(7,'triage','54225ee99239a2b35c490e8e2b1897bdc41478f85c7286ddb90820a417c9cc70',6,1794278160000000,1794777900000000,'first',1795306151207647);
INSERT INTO "datasets" VALUES(8,'failure_groups','cd8798c1f78a86d77c9c0985121206b57eb44427d3577fbc301a59ae98b727a5',2,NULL,NULL,'first',1795306151214781);
INSERT INTO "datasets" VALUES(9,'asked_questions','37d5d92fecc23a33cabf552d927db59bc86de1f4215b52d248a1e7a30587f2af',0,NULL,NULL,'first',1795306151281967);
INSERT INTO "datasets" VALUES(10,'annotation_tasks','39292c7eeb8b259f3d9d07753101388461702fb01feb40ec445e964f3a248d93',6,NULL,NULL,'first',1795306151445942);
INSERT INTO "datasets" VALUES(11,'annotation_tasks','db1e641ffc24900ec7216f2b6c7fdc5ab1b54138361470d346bf32cb759ac164',1,NULL,NULL,'first',1795306152633423);
INSERT INTO "datasets" VALUES(12,'annotations','a09b183e079cde06ca46bf18fac94ee5bf00a6c1c44eed7167d8833b1d41555c',1,NULL,NULL,'first',1795306152661276);
INSERT INTO "datasets" VALUES(13,'golden','130be2f771a9dcc5264f9c851f3bde29adb3d719bcb19b2b953ceb1a8ee82073',1,NULL,NULL,'first',1795306152978173);
INSERT INTO "datasets" VALUES(14,'traces','7f9fb10bd68061b14bbeed72a79fc9a7f9c3104200ac8ddb078dfe2ee91a1c3f',2,1794347940000000,1794514980000000,'import-2',1795306157158298);
INSERT INTO "datasets" VALUES(15,'skips','83963afb5356b78c23529b1f7503fdd0912de6c2c6ea1eab8f6d70429943758f',0,NULL,NULL,'import-2',1795306157181358);
INSERT INTO "datasets" VALUES(16,'selected_traces','dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8',8,1794278160000000,1794777900000000,'second',1795306157756168);
INSERT INTO "datasets" VALUES(17,'groundedness','4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72',8,NULL,NULL,'second',1795306157853498);
INSERT INTO "datasets" VALUES(18,'triage','285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099',8,1794278160000000,1794777900000000,'second',1795306158040527);
INSERT INTO "datasets" VALUES(19,'triage','2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf',8,1794278160000000,1794777900000000,'second',1795306158373275);
INSERT INTO "datasets" VALUES(20,'failure_groups','c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708',3,NULL,NULL,'second',1795306158389289);
INSERT INTO "datasets" VALUES(21,'asked_questions','02738b0bfa4971dc860181a84153f8229ae72c2e1aba1ee8e84f469842ecdab8',6,NULL,NULL,'second',1795306158474413);
INSERT INTO "datasets" VALUES(22,'annotation_tasks','99737316fb138f0b274eeabecf8103a74448637b24e4bbcea5a1d9d035c2f4e1',2,NULL,NULL,'second',1795306158581998);
CREATE TABLE effects (
	"key" VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	result TEXT, 
	intended_at BIGINT NOT NULL, 
	done_at BIGINT, 
	PRIMARY KEY ("key"), 
	CONSTRAINT ck_effects_status_known CHECK (status IN ('intended', 'done'))
);
INSERT INTO "effects" VALUES('first/resolve-sources','resolve-sources','first','done','{"attempts":1,"duration_s":0.03692149499693187,"output":{"ratings":[{"content_hash":"c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d","kind":"human_ratings","rows":0}],"skips":[{"content_hash":"609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c","kind":"skips","rows":1}],"traces":[{"content_hash":"e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a","kind":"traces","rows":6}]},"started_at":"2026-11-22T00:09:10.125439Z"}',1795306150095611,1795306150162406);
INSERT INTO "effects" VALUES('first/snapshot-asked-questions','snapshot-asked-questions','first','done','{"attempts":1,"duration_s":0.04025784799887333,"output":{"content_hash":"37d5d92fecc23a33cabf552d927db59bc86de1f4215b52d248a1e7a30587f2af","kind":"asked_questions","rows":0},"started_at":"2026-11-22T00:09:11.229181Z"}',1795306151225390,1795306151269499);
INSERT INTO "effects" VALUES('first/enqueue-annotations','enqueue-annotations','first','done','{"attempts":1,"duration_s":0.04019899100239854,"output":{"n_added":6,"n_already_asked":0},"started_at":"2026-11-22T00:09:11.497261Z"}',1795306151481408,1795306151537508);
INSERT INTO "effects" VALUES('first/read-active-golden','read-active-golden','first','done','{"attempts":1,"duration_s":0.05388939700060291,"output":{"dataset":null,"highest":null,"name":"main","version":null},"started_at":"2026-11-22T00:09:11.624798Z"}',1795306151613670,1795306151678748);
INSERT INTO "effects" VALUES('first/snapshot-answers','snapshot-answers','first','done','{"attempts":1,"duration_s":0.16657084500184283,"output":{"annotations":{"content_hash":"a09b183e079cde06ca46bf18fac94ee5bf00a6c1c44eed7167d8833b1d41555c","kind":"annotations","rows":1},"tasks":{"content_hash":"db1e641ffc24900ec7216f2b6c7fdc5ab1b54138361470d346bf32cb759ac164","kind":"annotation_tasks","rows":1}},"started_at":"2026-11-22T00:09:12.378975Z"}',1795306152364720,1795306152545598);
INSERT INTO "effects" VALUES('first/read-active-golden-2','read-active-golden-2','first','done','{"attempts":1,"duration_s":0.0017459370064898394,"output":{"dataset":null,"highest":null,"name":"main","version":null},"started_at":"2026-11-22T00:09:12.729430Z"}',1795306152709806,1795306152731224);
INSERT INTO "effects" VALUES('first/publish-golden','publish-golden','first','done','{"attempts":1,"duration_s":0.060356488000252284,"output":{"published":true,"version":"1.0.0"},"started_at":"2026-11-22T00:09:13.021305Z"}',1795306153005376,1795306153081751);
INSERT INTO "effects" VALUES('first/publish-report','publish-report','first','done','{"attempts":1,"duration_s":3.5190581300048507,"output":{"html":"/tmp/inputs/eval_reports/weekly-2026-W46-first/report.html","json_file":"/tmp/inputs/eval_reports/weekly-2026-W46-first/report.json","markdown":"/tmp/inputs/eval_reports/weekly-2026-W46-first/report.md"},"started_at":"2026-11-22T00:09:13.121303Z"}',1795306153105509,1795306156640458);
INSERT INTO "effects" VALUES('second/resolve-sources','resolve-sources','second','done','{"attempts":1,"duration_s":0.025038789004611317,"output":{"ratings":[{"content_hash":"c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d","kind":"human_ratings","rows":0}],"skips":[{"content_hash":"609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c","kind":"skips","rows":1},{"content_hash":"83963afb5356b78c23529b1f7503fdd0912de6c2c6ea1eab8f6d70429943758f","kind":"skips","rows":0}],"traces":[{"content_hash":"e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a","kind":"traces","rows":6},{"content_hash":"7f9fb10bd68061b14bbeed72a79fc9a7f9c3104200ac8ddb078dfe2ee91a1c3f","kind":"traces","rows":2}]},"started_at":"2026-11-22T00:09:17.369944Z"}',1795306157353726,1795306157395025);
INSERT INTO "effects" VALUES('second/snapshot-asked-questions','snapshot-asked-questions','second','done','{"attempts":1,"duration_s":0.02796307900280226,"output":{"content_hash":"02738b0bfa4971dc860181a84153f8229ae72c2e1aba1ee8e84f469842ecdab8","kind":"asked_questions","rows":6},"started_at":"2026-11-22T00:09:18.429316Z"}',1795306158425360,1795306158457323);
INSERT INTO "effects" VALUES('second/enqueue-annotations','enqueue-annotations','second','done','{"attempts":1,"duration_s":0.027549523998459335,"output":{"n_added":2,"n_already_asked":0},"started_at":"2026-11-22T00:09:18.612919Z"}',1795306158601289,1795306158640522);
INSERT INTO "effects" VALUES('second/read-active-golden','read-active-golden','second','done','{"attempts":1,"duration_s":0.004037306003738195,"output":{"dataset":{"content_hash":"130be2f771a9dcc5264f9c851f3bde29adb3d719bcb19b2b953ceb1a8ee82073","kind":"golden","rows":1},"highest":"1.0.0","name":"main","version":"1.0.0"},"started_at":"2026-11-22T00:09:18.681294Z"}',1795306158673334,1795306158685364);
CREATE TABLE meta (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema_version','1');
CREATE TABLE pins (
	run_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (run_id, name)
);
INSERT INTO "pins" VALUES('import','start','{"config":{"as_of":null,"file":"/tmp/inputs/traces.jsonl","mapping":"millrace","redaction_rules":"pii","tenant":"default","time":null},"now":"2026-11-22T00:09:06.369275+00:00","sequence":0}');
INSERT INTO "pins" VALUES('first','start','{"config":{"as_of":"2026-11-16T06:00:00Z","building":{"duplicate_cosine":0.95,"eval_fraction":0.5,"group_cosine":0.9},"embedder":{"name":"embedded"},"golden":"main","grouping":{"min_cosine":0.7,"n_label_words":5},"minimum_completed":0,"proposal":{"budget_minutes":30.0,"decision_minutes":1.0,"reading_words_per_minute":238.0,"uncertain_groundedness":0.55},"reports_folder":"eval_reports","tenants":null,"time_zone":"UTC","triage_rules":"triage","week":"2026-W46"},"now":"2026-11-16T06:00:00+00:00","sequence":3}');
INSERT INTO "pins" VALUES('first','steps-approval','{"compare-with-ratings":{"key":"608f767dc02bd78a3a800141d5a2371e6ced2f685a6ed4463cdfa4c6e556b1ab","result":{"attempts":1,"duration_s":0.011081835997174494,"output":[{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"precision of failure against low faithfulness, completeness, appropriateness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"recall of failure against low faithfulness, completeness, appropriateness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"precision of hallucination against low faithfulness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"recall of hallucination against low faithfulness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"precision of retrieval_failure against low completeness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"recall of retrieval_failure against low completeness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"precision of irrelevant_answer against low appropriateness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"recall of irrelevant_answer against low appropriateness"}],"started_at":"2026-11-22T00:09:11.573542Z"}},"enqueue-annotations":{"key":"first/enqueue-annotations","result":{"attempts":1,"duration_s":0.04019899100239854,"output":{"n_added":6,"n_already_asked":0},"started_at":"2026-11-22T00:09:11.497261Z"}},"group-failures":{"key":"7f5a8f1d0bb6015fd29378e909ec4e8534eb7e582388821ca34e545473b65130","result":{"attempts":1,"duration_s":0.19025421699916478,"output":{"groups":{"content_hash":"cd8798c1f78a86d77c9c0985121206b57eb44427d3577fbc301a59ae98b727a5","kind":"failure_groups","rows":2},"triage":{"content_hash":"54225ee99239a2b35c490e8e2b1897bdc41478f85c7286ddb90820a417c9cc70","kind":"triage","rows":6}},"started_at":"2026-11-22T00:09:10.934012Z"}},"propose-annotations":{"key":"b0510875edaef386bb14562b339baa2d54ebe24ce5135b2f30fbbfb57cdf515f","result":{"attempts":1,"duration_s":0.11198383999726502,"output":{"content_hash":"39292c7eeb8b259f3d9d07753101388461702fb01feb40ec445e964f3a248d93","kind":"annotation_tasks","rows":6},"started_at":"2026-11-22T00:09:11.297522Z"}},"read-active-golden":{"key":"first/read-active-golden","result":{"attempts":1,"duration_s":0.05388939700060291,"output":{"dataset":null,"highest":null,"name":"main","version":null},"started_at":"2026-11-22T00:09:11.624798Z"}},"resolve-sources":{"key":"first/resolve-sources","result":{"attempts":1,"duration_s":0.03692149499693187,"output":{"ratings":[{"content_hash":"c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d","kind":"human_ratings","rows":0}],"skips":[{"content_hash":"609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c","kind":"skips","rows":1}],"traces":[{"content_hash":"e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a","kind":"traces","rows":6}]},"started_at":"2026-11-22T00:09:10.125439Z"}},"score-groundedness":{"key":"4e1f618192f962002907d6a216eb9cac4394050d1c871a71803446bb9c2df0d1","result":{"attempts":1,"duration_s":0.15194875299494015,"output":{"content_hash":"a2bdba5fdf922aa4872b9b6ef6e52a0ddc50ab16fcda76b458025238351153af","kind":"groundedness","rows":6},"started_at":"2026-11-22T00:09:10.474477Z"}},"select-traces":{"key":"7f588ec63d098d9eac30764210018d222d15478fe1858e7df73342e47f509bd1","result":{"attempts":1,"duration_s":0.09205918999941787,"output":{"n_duplicates":0,"n_outside":0,"traces":{"content_hash":"b96c2aa088e3d85b0d1ef11d9418edfc4e38079fa0a132d53dbc69b7c54cac22","kind":"selected_traces","rows":6}},"started_at":"2026-11-22T00:09:10.261593Z"}},"snapshot-asked-questions":{"key":"first/snapshot-asked-questions","result":{"attempts":1,"duration_s":0.04025784799887333,"output":{"content_hash":"37d5d92fecc23a33cabf552d927db59bc86de1f4215b52d248a1e7a30587f2af","kind":"asked_questions","rows":0},"started_at":"2026-11-22T00:09:11.229181Z"}},"triage-traces":{"key":"077af78825412cb52dfa2b6488ebd589f391c4d519c2008c8069dcd4e302ae9e","result":{"attempts":1,"duration_s":0.11439305399835575,"output":{"content_hash":"ef96615881e4517948a82d5217ae0600bfe979d9e231984bd369693e8523d4e0","kind":"triage","rows":6},"started_at":"2026-11-22T00:09:10.715319Z"}},"write-approval-page":{"key":"02b087907c2c567a4e025efde3df221ab344c6a36415394b3b4d89f8f4ad3f10","result":{"attempts":1,"duration_s":0.03465989099640865,"output":"**Week 2026-W46** (UTC): 6 traces, 5 of them failures in 2 groups.\n\n| failure | traces |\n|---|---|\n| hallucination | 3 |\n| irrelevant answer | 2 |\n\nLargest groups:\n\n- 3 x hallucination: sluice mill hill colour harbour\n- 2 x irrelevant answer: filter mill north pressure torque\n\n**Asked of people:** 6 tasks, about 7 minutes in all. See `millrace annotate status`.\n\n**Approving** adds the answers given by then to golden dataset main (active: none yet) and writes the weekly report. **Rejecting** changes nothing.","started_at":"2026-11-22T00:09:11.777475Z"}}}');
INSERT INTO "pins" VALUES('import-2','start','{"config":{"as_of":null,"file":"/tmp/inputs/later.jsonl","mapping":"millrace","redaction_rules":"pii","tenant":"default","time":null},"now":"2026-11-22T00:09:16.721634+00:00","sequence":13}');
INSERT INTO "pins" VALUES('second','start','{"config":{"as_of":"2026-11-16T06:00:00Z","building":{"duplicate_cosine":0.95,"eval_fraction":0.5,"group_cosine":0.9},"embedder":{"name":"embedded"},"golden":"main","grouping":{"min_cosine":0.7,"n_label_words":5},"minimum_completed":0,"proposal":{"budget_minutes":30.0,"decision_minutes":1.0,"reading_words_per_minute":238.0,"uncertain_groundedness":0.55},"reports_folder":"eval_reports","tenants":null,"time_zone":"UTC","triage_rules":"triage","week":"2026-W46"},"now":"2026-11-16T06:00:00+00:00","sequence":15}');
INSERT INTO "pins" VALUES('second','steps-approval','{"compare-with-ratings":{"key":"3652b99637a95d9a5ce1f1d9b2a9589ac4d3953b6558e2d7d56950a144541fe0","result":{"attempts":1,"duration_s":0.006277188003878109,"output":[{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"precision of failure against low faithfulness, completeness, appropriateness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"recall of failure against low faithfulness, completeness, appropriateness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"precision of hallucination against low faithfulness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"recall of hallucination against low faithfulness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"precision of retrieval_failure against low completeness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"recall of retrieval_failure against low completeness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"precision of irrelevant_answer against low appropriateness"},{"estimate":{"confidence":0.95,"high":null,"low":null,"mean":null,"method":"wilson","n":0,"reason":"no_items"},"name":"recall of irrelevant_answer against low appropriateness"}],"started_at":"2026-11-22T00:09:18.661445Z"}},"enqueue-annotations":{"key":"second/enqueue-annotations","result":{"attempts":1,"duration_s":0.027549523998459335,"output":{"n_added":2,"n_already_asked":0},"started_at":"2026-11-22T00:09:18.612919Z"}},"group-failures":{"key":"82febc8034a9fee5acf71915c7bc94c77f74f0286694ae850c791ef8dfa67aca","result":{"attempts":1,"duration_s":0.22810211099567823,"output":{"groups":{"content_hash":"c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708","kind":"failure_groups","rows":3},"triage":{"content_hash":"2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf","kind":"triage","rows":8}},"started_at":"2026-11-22T00:09:18.077552Z"}},"propose-annotations":{"key":"13cf06986c4abbcca98b5e4e6260f35e66c340377b3454dda74a167458da1d29","result":{"attempts":1,"duration_s":0.06754242799797794,"output":{"content_hash":"99737316fb138f0b274eeabecf8103a74448637b24e4bbcea5a1d9d035c2f4e1","kind":"annotation_tasks","rows":2},"started_at":"2026-11-22T00:09:18.481049Z"}},"read-active-golden":{"key":"second/read-active-golden","result":{"attempts":1,"duration_s":0.004037306003738195,"output":{"dataset":{"content_hash":"130be2f771a9dcc5264f9c851f3bde29adb3d719bcb19b2b953ceb1a8ee82073","kind":"golden","rows":1},"highest":"1.0.0","name":"main","version":"1.0.0"},"started_at":"2026-11-22T00:09:18.681294Z"}},"resolve-sources":{"key":"second/resolve-sources","result":{"attempts":1,"duration_s":0.025038789004611317,"output":{"ratings":[{"content_hash":"c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d","kind":"human_ratings","rows":0}],"skips":[{"content_hash":"609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c","kind":"skips","rows":1},{"content_hash":"83963afb5356b78c23529b1f7503fdd0912de6c2c6ea1eab8f6d70429943758f","kind":"skips","rows":0}],"traces":[{"content_hash":"e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a","kind":"traces","rows":6},{"content_hash":"7f9fb10bd68061b14bbeed72a79fc9a7f9c3104200ac8ddb078dfe2ee91a1c3f","kind":"traces","rows":2}]},"started_at":"2026-11-22T00:09:17.369944Z"}},"score-groundedness":{"key":"5b2918674fdcaad1b79e8dccbc35e008e930417f7d22c5a7cf885f2450455668","result":{"attempts":1,"duration_s":0.05818396600079723,"output":{"content_hash":"4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72","kind":"groundedness","rows":8},"started_at":"2026-11-22T00:09:17.773680Z"}},"select-traces":{"key":"4254e9b6c280a26ca589690f15b4b3d47bce16b8e0807b1dbc8e02317b8e6727","result":{"attempts":1,"duration_s":0.22361610700318124,"output":{"n_duplicates":0,"n_outside":0,"traces":{"content_hash":"dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8","kind":"selected_traces","rows":8}},"started_at":"2026-11-22T00:09:17.469688Z"}},"snapshot-asked-questions":{"key":"second/snapshot-asked-questions","result":{"attempts":1,"duration_s":0.02796307900280226,"output":{"content_hash":"02738b0bfa4971dc860181a84153f8229ae72c2e1aba1ee8e84f469842ecdab8","kind":"asked_questions","rows":6},"started_at":"2026-11-22T00:09:18.429316Z"}},"triage-traces":{"key":"7064a91e28faf905bc284a9e613e836184569d03cc375f442b494b941220c70a","result":{"attempts":1,"duration_s":0.09905212200101232,"output":{"content_hash":"285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099","kind":"triage","rows":8},"started_at":"2026-11-22T00:09:17.875046Z"}},"write-approval-page":{"key":"1cf6eff9ba01d29639dd8decb5b473503604514036b8da80867f4c5da2d1c217","result":{"attempts":1,"duration_s":0.015348902998084668,"output":"**Week 2026-W46** (UTC): 8 traces, 7 of them failures in 3 groups.\n\n| failure | traces |\n|---|---|\n| hallucination | 5 |\n| irrelevant answer | 2 |\n\nLargest groups:\n\n- 3 x hallucination: hill mill sluice bearing colour\n- 2 x irrelevant answer: filter mill north torque pressure\n- 2 x hallucination: harbour mill lifetime motor weight\n\n**Asked of people:** 2 tasks, about 2 minutes in all. See `millrace annotate status`.\n\n**Approving** adds the answers given by then to golden dataset main (active: 1.0.0) and writes the weekly report. **Rejecting** changes nothing.","started_at":"2026-11-22T00:09:18.724393Z"}}}');
CREATE TABLE pointer_history (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	run_id VARCHAR NOT NULL, 
	at BIGINT NOT NULL
);
INSERT INTO "pointer_history" VALUES(1,'golden/main','{"dataset":{"content_hash":"130be2f771a9dcc5264f9c851f3bde29adb3d719bcb19b2b953ceb1a8ee82073","kind":"golden","rows":1},"version":"1.0.0"}','first',1794808800000000);
CREATE TABLE runs (
	run_id VARCHAR NOT NULL, 
	flow VARCHAR NOT NULL, 
	config TEXT NOT NULL, 
	status VARCHAR NOT NULL, 
	process VARCHAR NOT NULL, 
	prefect_run_id VARCHAR, 
	started_at BIGINT NOT NULL, 
	finished_at BIGINT, 
	PRIMARY KEY (run_id), 
	CONSTRAINT ck_runs_status_known CHECK (status IN ('running', 'waiting', 'completed', 'rejected', 'failed'))
);
INSERT INTO "runs" VALUES('import','import-traces','{"as_of":null,"file":"/tmp/inputs/traces.jsonl","mapping":"millrace","redaction_rules":"pii","tenant":"default","time":null,"workers":2}','completed','mill:4242:1795300000',NULL,1795306146369275,1795306149822620);
INSERT INTO "runs" VALUES('first','weekly-flywheel','{"as_of":"2026-11-16T06:00:00Z","building":{"duplicate_cosine":0.95,"eval_fraction":0.5,"group_cosine":0.9},"embedder":{"name":"embedded"},"golden":"main","grouping":{"min_cosine":0.7,"n_label_words":5},"minimum_completed":0,"proposal":{"budget_minutes":30.0,"decision_minutes":1.0,"reading_words_per_minute":238.0,"uncertain_groundedness":0.55},"reports_folder":"eval_reports","tenants":null,"time_zone":"UTC","triage_rules":"triage","week":"2026-W46","workers":2}','completed','mill:4242:1795300000',NULL,1795306149958538,1795306156661468);
INSERT INTO "runs" VALUES('import-2','import-traces','{"as_of":null,"file":"/tmp/inputs/later.jsonl","mapping":"millrace","redaction_rules":"pii","tenant":"default","time":null,"workers":2}','completed','mill:4242:1795300000',NULL,1795306156721634,1795306157217349);
INSERT INTO "runs" VALUES('second','weekly-flywheel','{"as_of":"2026-11-16T06:00:00Z","building":{"duplicate_cosine":0.95,"eval_fraction":0.5,"group_cosine":0.9},"embedder":{"name":"embedded"},"golden":"main","grouping":{"min_cosine":0.7,"n_label_words":5},"minimum_completed":0,"proposal":{"budget_minutes":30.0,"decision_minutes":1.0,"reading_words_per_minute":238.0,"uncertain_groundedness":0.55},"reports_folder":"eval_reports","tenants":null,"time_zone":"UTC","triage_rules":"triage","week":"2026-W46","workers":2}','failed','mill:4242:1795300000',NULL,1795306157267701,1795306158773528);
CREATE TABLE subjects (
	subject_type VARCHAR NOT NULL, 
	subject_hash VARCHAR NOT NULL, 
	content_hash VARCHAR NOT NULL, 
	PRIMARY KEY (subject_type, subject_hash, content_hash), 
	CONSTRAINT ck_subjects_subject_type_known CHECK (subject_type IN ('user', 'tenant'))
)
 WITHOUT ROWID

;
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','02738b0bfa4971dc860181a84153f8229ae72c2e1aba1ee8e84f469842ecdab8');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','02738b0bfa4971dc860181a84153f8229ae72c2e1aba1ee8e84f469842ecdab8');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','130be2f771a9dcc5264f9c851f3bde29adb3d719bcb19b2b953ceb1a8ee82073');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','130be2f771a9dcc5264f9c851f3bde29adb3d719bcb19b2b953ceb1a8ee82073');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099');
INSERT INTO "subjects" VALUES('user','2415a4fa4546454491b5a23b3c98ca9fd1216ed68d3bdd84137f31b1030841e2','285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','285a3ff46e58cacb97e8b48377a56859f33479ff4d393dde1f53296792eb7099');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf');
INSERT INTO "subjects" VALUES('user','2415a4fa4546454491b5a23b3c98ca9fd1216ed68d3bdd84137f31b1030841e2','2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','2a9513ab5afaaaf431a67906b7fd8e33d1cafc63952bc61c16e5220f1497e6bf');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','39292c7eeb8b259f3d9d07753101388461702fb01feb40ec445e964f3a248d93');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','39292c7eeb8b259f3d9d07753101388461702fb01feb40ec445e964f3a248d93');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','39292c7eeb8b259f3d9d07753101388461702fb01feb40ec445e964f3a248d93');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','39292c7eeb8b259f3d9d07753101388461702fb01feb40ec445e964f3a248d93');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','39292c7eeb8b259f3d9d07753101388461702fb01feb40ec445e964f3a248d93');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','39292c7eeb8b259f3d9d07753101388461702fb01feb40ec445e964f3a248d93');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72');
INSERT INTO "subjects" VALUES('user','2415a4fa4546454491b5a23b3c98ca9fd1216ed68d3bdd84137f31b1030841e2','4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','4abb7452dd6b4cc07a695f5aa24afd1dcfa7f709f5de29d0d7e937a7cc003c72');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','54225ee99239a2b35c490e8e2b1897bdc41478f85c7286ddb90820a417c9cc70');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','54225ee99239a2b35c490e8e2b1897bdc41478f85c7286ddb90820a417c9cc70');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','54225ee99239a2b35c490e8e2b1897bdc41478f85c7286ddb90820a417c9cc70');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','54225ee99239a2b35c490e8e2b1897bdc41478f85c7286ddb90820a417c9cc70');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','54225ee99239a2b35c490e8e2b1897bdc41478f85c7286ddb90820a417c9cc70');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','54225ee99239a2b35c490e8e2b1897bdc41478f85c7286ddb90820a417c9cc70');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','609b21595cd0cd632842139ad9cde0cb002c2bc38e8166641d8610daa381db9c');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','7f9fb10bd68061b14bbeed72a79fc9a7f9c3104200ac8ddb078dfe2ee91a1c3f');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','7f9fb10bd68061b14bbeed72a79fc9a7f9c3104200ac8ddb078dfe2ee91a1c3f');
INSERT INTO "subjects" VALUES('user','2415a4fa4546454491b5a23b3c98ca9fd1216ed68d3bdd84137f31b1030841e2','7f9fb10bd68061b14bbeed72a79fc9a7f9c3104200ac8ddb078dfe2ee91a1c3f');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','7f9fb10bd68061b14bbeed72a79fc9a7f9c3104200ac8ddb078dfe2ee91a1c3f');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','83963afb5356b78c23529b1f7503fdd0912de6c2c6ea1eab8f6d70429943758f');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','83963afb5356b78c23529b1f7503fdd0912de6c2c6ea1eab8f6d70429943758f');
INSERT INTO "subjects" VALUES('user','2415a4fa4546454491b5a23b3c98ca9fd1216ed68d3bdd84137f31b1030841e2','83963afb5356b78c23529b1f7503fdd0912de6c2c6ea1eab8f6d70429943758f');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','83963afb5356b78c23529b1f7503fdd0912de6c2c6ea1eab8f6d70429943758f');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','99737316fb138f0b274eeabecf8103a74448637b24e4bbcea5a1d9d035c2f4e1');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','99737316fb138f0b274eeabecf8103a74448637b24e4bbcea5a1d9d035c2f4e1');
INSERT INTO "subjects" VALUES('user','2415a4fa4546454491b5a23b3c98ca9fd1216ed68d3bdd84137f31b1030841e2','99737316fb138f0b274eeabecf8103a74448637b24e4bbcea5a1d9d035c2f4e1');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','99737316fb138f0b274eeabecf8103a74448637b24e4bbcea5a1d9d035c2f4e1');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','a09b183e079cde06ca46bf18fac94ee5bf00a6c1c44eed7167d8833b1d41555c');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','a09b183e079cde06ca46bf18fac94ee5bf00a6c1c44eed7167d8833b1d41555c');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','a2bdba5fdf922aa4872b9b6ef6e52a0ddc50ab16fcda76b458025238351153af');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','a2bdba5fdf922aa4872b9b6ef6e52a0ddc50ab16fcda76b458025238351153af');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','a2bdba5fdf922aa4872b9b6ef6e52a0ddc50ab16fcda76b458025238351153af');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','a2bdba5fdf922aa4872b9b6ef6e52a0ddc50ab16fcda76b458025238351153af');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','a2bdba5fdf922aa4872b9b6ef6e52a0ddc50ab16fcda76b458025238351153af');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','a2bdba5fdf922aa4872b9b6ef6e52a0ddc50ab16fcda76b458025238351153af');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','b96c2aa088e3d85b0d1ef11d9418edfc4e38079fa0a132d53dbc69b7c54cac22');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','b96c2aa088e3d85b0d1ef11d9418edfc4e38079fa0a132d53dbc69b7c54cac22');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','b96c2aa088e3d85b0d1ef11d9418edfc4e38079fa0a132d53dbc69b7c54cac22');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','b96c2aa088e3d85b0d1ef11d9418edfc4e38079fa0a132d53dbc69b7c54cac22');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','b96c2aa088e3d85b0d1ef11d9418edfc4e38079fa0a132d53dbc69b7c54cac22');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','b96c2aa088e3d85b0d1ef11d9418edfc4e38079fa0a132d53dbc69b7c54cac22');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708');
INSERT INTO "subjects" VALUES('user','2415a4fa4546454491b5a23b3c98ca9fd1216ed68d3bdd84137f31b1030841e2','c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','c3d02959a9954bebb16337661826943a848098c8e6ba61ebf537355bdb643708');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','c6724d38338c8f3208d9f0d51e9cb23e089a4d75d4efce278687cf305595857d');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','cd8798c1f78a86d77c9c0985121206b57eb44427d3577fbc301a59ae98b727a5');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','cd8798c1f78a86d77c9c0985121206b57eb44427d3577fbc301a59ae98b727a5');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','cd8798c1f78a86d77c9c0985121206b57eb44427d3577fbc301a59ae98b727a5');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','cd8798c1f78a86d77c9c0985121206b57eb44427d3577fbc301a59ae98b727a5');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','cd8798c1f78a86d77c9c0985121206b57eb44427d3577fbc301a59ae98b727a5');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','cd8798c1f78a86d77c9c0985121206b57eb44427d3577fbc301a59ae98b727a5');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','db1e641ffc24900ec7216f2b6c7fdc5ab1b54138361470d346bf32cb759ac164');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','db1e641ffc24900ec7216f2b6c7fdc5ab1b54138361470d346bf32cb759ac164');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8');
INSERT INTO "subjects" VALUES('user','2415a4fa4546454491b5a23b3c98ca9fd1216ed68d3bdd84137f31b1030841e2','dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','dda302cfc348fcbd72d89a1307408ed60673f2b9adbd9d95d5f24f1f1b5d94e8');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','e71d62b643f85f1c2ddcd47ec015c8ad1c2a5b21adf00114dedb5305c0c1100a');
INSERT INTO "subjects" VALUES('tenant','cc4173da60ae3e8319e63e9ec572f840efa78ce074080f3d599c51451e9ddf1a','ef96615881e4517948a82d5217ae0600bfe979d9e231984bd369693e8523d4e0');
INSERT INTO "subjects" VALUES('tenant','fe69a40e72cfd19d1109e6301f53255f858fad777e4a66e1de9290eb1639cf2b','ef96615881e4517948a82d5217ae0600bfe979d9e231984bd369693e8523d4e0');
INSERT INTO "subjects" VALUES('user','4792300cc47c7180b29394fd9e254b990693266a80999c9330d88715a946a233','ef96615881e4517948a82d5217ae0600bfe979d9e231984bd369693e8523d4e0');
INSERT INTO "subjects" VALUES('user','4a2cdf25f5139cd42fe9d3dc2c6a4509c6c68a26186c7288ba78f8a5f8df87cc','ef96615881e4517948a82d5217ae0600bfe979d9e231984bd369693e8523d4e0');
INSERT INTO "subjects" VALUES('user','9c2b3b423b8db2a5adf78baf686977fe528545a0c8abf6b6e5a86ba8da0b967b','ef96615881e4517948a82d5217ae0600bfe979d9e231984bd369693e8523d4e0');
INSERT INTO "subjects" VALUES('user','a2747e8ce6d809070ee88b2a19cdc9cebf3d72a05b6a2ae7d15f90d887964d6c','ef96615881e4517948a82d5217ae0600bfe979d9e231984bd369693e8523d4e0');
CREATE TABLE task_events (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	task_id VARCHAR NOT NULL, 
	event VARCHAR NOT NULL, 
	actor VARCHAR NOT NULL, 
	at BIGINT NOT NULL, 
	details TEXT NOT NULL, 
	FOREIGN KEY(task_id) REFERENCES tasks (task_id)
);
INSERT INTO "task_events" VALUES(1,'task-bb12dc457d889158ec1c7559','enqueued','first',1795306151508813,'{}');
INSERT INTO "task_events" VALUES(2,'task-76557874490a182e41e5204b','enqueued','first',1795306151508813,'{}');
INSERT INTO "task_events" VALUES(3,'task-5085f8106a974616d205ad8f','enqueued','first',1795306151508813,'{}');
INSERT INTO "task_events" VALUES(4,'task-7a665368e0cd3e41dc9f64ae','enqueued','first',1795306151508813,'{}');
INSERT INTO "task_events" VALUES(5,'task-4b61b957c556d4889b2b9841','enqueued','first',1795306151508813,'{}');
INSERT INTO "task_events" VALUES(6,'task-aedc1f046eb85a474d9a5582','enqueued','first',1795306151508813,'{}');
INSERT INTO "task_events" VALUES(7,'task-bb12dc457d889158ec1c7559','submitted','ada',1794819600000000,'{"annotation_id":"8c4b54053a7b184913548caf26f8e543881256e4a7c5dac86cc387ba9370bf8e"}');
INSERT INTO "task_events" VALUES(8,'task-99f3b41d943d78844efde71a','enqueued','second',1795306158627117,'{}');
INSERT INTO "task_events" VALUES(9,'task-80e0eb8db45a8dce6945cd79','enqueued','second',1795306158627117,'{}');
INSERT INTO "task_events" VALUES(10,'task-76557874490a182e41e5204b','claimed','bob',1794823200000000,'{"until":"2027-01-01T00:00:00+00:00"}');
INSERT INTO "task_events" VALUES(11,'task-bb12dc457d889158ec1c7559','replaced','ada',1794823200000000,'{"annotation_id":"f6ccbf86cacbe463e05025320542a351b36e1e00eb9c015270725175474287b7"}');
CREATE TABLE tasks (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	task_id VARCHAR NOT NULL, 
	tenant_id VARCHAR NOT NULL, 
	question_key VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	position BIGINT NOT NULL, 
	payload TEXT NOT NULL, 
	status VARCHAR NOT NULL, 
	claimed_by VARCHAR, 
	claim_expires_at BIGINT, 
	created_at BIGINT NOT NULL, 
	UNIQUE (tenant_id, question_key), 
	CONSTRAINT ck_tasks_status_known CHECK (status IN ('pending', 'claimed', 'completed', 'skipped')), 
	UNIQUE (task_id)
);
INSERT INTO "tasks" VALUES(1,'task-bb12dc457d889158ec1c7559','mill','c654e53be2c0ba5d1c4733619a10270d2d766dda8969f98c8b215155cb33bd9d','first',1,'{"answer":"The colour of the sluice in the hill mill is 79 units. Our hill office ships 506 crates to Norway every winter.","contexts":[{"context_id":"sluice-colour","doc_id":null,"score":null,"text":"The colour of the sluice in the hill mill is 79 units.","title":null}],"estimated_minutes":1.19,"failure_type":"hallucination","group_id":"group-9f9575eaa1631af0","history":[],"position":1,"question":"What is the colour of the sluice in the hill mill?","question_key":"c654e53be2c0ba5d1c4733619a10270d2d766dda8969f98c8b215155cb33bd9d","task_id":"task-bb12dc457d889158ec1c7559","tenant_id":"mill","trace_id":"trace-0001","user_id":"user-5","why":"stands for a group of 3 (hallucination): sluice mill hill colour harbour"}','completed',NULL,NULL,1795306151508813);
INSERT INTO "tasks" VALUES(2,'task-76557874490a182e41e5204b','dam','36785bcdd149d7d7e4b4dea5500ef85a9c49dcd544c6fb57cec3aaf3e809eb3a','first',2,'{"answer":"I do not know.","contexts":[{"context_id":"filter-pressure","doc_id":null,"score":null,"text":"The pressure of the filter in the north mill is 30 units.","title":null}],"estimated_minutes":1.11,"failure_type":"irrelevant_answer","group_id":"group-19011b82f25d1b05","history":[],"position":2,"question":"What is the pressure of the filter in the north mill?","question_key":"36785bcdd149d7d7e4b4dea5500ef85a9c49dcd544c6fb57cec3aaf3e809eb3a","task_id":"task-76557874490a182e41e5204b","tenant_id":"dam","trace_id":"trace-0002","user_id":"user-4","why":"stands for a group of 2 (irrelevant answer): filter mill north pressure torque"}','claimed','bob',1798761600000000,1795306151508813);
INSERT INTO "tasks" VALUES(3,'task-5085f8106a974616d205ad8f','mill','b9da6bae7ecda9f4ef3ce5cbb3c3ad9d241ddc3dc5b64016fdcce210f1b841b4','first',3,'{"answer":"The colour of the filter in the harbour mill is 97 units.","contexts":[{"context_id":"filter-colour","doc_id":null,"score":null,"text":"The colour of the filter in the harbour mill is 97 units.","title":null}],"estimated_minutes":1.16,"failure_type":null,"group_id":null,"history":[{"speaker":"user","text":"I am [EMAIL]."}],"position":3,"question":"What is the colour of the filter in the harbour mill?","question_key":"b9da6bae7ecda9f4ef3ce5cbb3c3ad9d241ddc3dc5b64016fdcce210f1b841b4","task_id":"task-5085f8106a974616d205ad8f","tenant_id":"mill","trace_id":"trace-0005","user_id":"user-5","why":"uncertain: groundedness 0.98, threshold 0.55"}','pending',NULL,NULL,1795306151508813);
INSERT INTO "tasks" VALUES(4,'task-7a665368e0cd3e41dc9f64ae','dam','0f58d7f7431218fccec08720a5c187c5bf07ef9f7ac262fdd5d95a15a1f6e822','first',4,'{"answer":"Our harbour office ships 531 crates to Norway every winter.","contexts":[{"context_id":"sluice-price","doc_id":null,"score":null,"text":"The price of the sluice in the hill mill is 90 units.","title":null}],"estimated_minutes":1.14,"failure_type":"hallucination","group_id":"group-9f9575eaa1631af0","history":[],"position":4,"question":"What is the price of the sluice in the hill mill?","question_key":"0f58d7f7431218fccec08720a5c187c5bf07ef9f7ac262fdd5d95a15a1f6e822","task_id":"task-7a665368e0cd3e41dc9f64ae","tenant_id":"dam","trace_id":"trace-0004","user_id":"user-4","why":"uncertain: groundedness 0.02, threshold 0.55"}','pending',NULL,NULL,1795306151508813);
INSERT INTO "tasks" VALUES(5,'task-4b61b957c556d4889b2b9841','mill','a8467f0d04b6f29b8f77905d5da9fbfd91ded749a792dc4f4e8a025bec7631d0','first',5,'{"answer":"Our hill office ships 740 crates to Norway every winter.","contexts":[],"estimated_minutes":1.1,"failure_type":"hallucination","group_id":"group-9f9575eaa1631af0","history":[{"speaker":"user","text":"I am [EMAIL]."}],"position":5,"question":"What is the weight of the sluice in the harbour mill?","question_key":"a8467f0d04b6f29b8f77905d5da9fbfd91ded749a792dc4f4e8a025bec7631d0","task_id":"task-4b61b957c556d4889b2b9841","tenant_id":"mill","trace_id":"trace-0000","user_id":"user-3","why":"another failure (hallucination) that has no groundedness score"}','pending',NULL,NULL,1795306151508813);
INSERT INTO "tasks" VALUES(6,'task-aedc1f046eb85a474d9a5582','mill','5e83e3fdd3d2a03dc25e662ab4c26ef761640ef715a1ec33e1582e893af34329','first',6,'{"answer":"I do not know.","contexts":[{"context_id":"filter-torque","doc_id":null,"score":null,"text":"The torque of the filter in the hill mill is 83 units.","title":null}],"estimated_minutes":1.11,"failure_type":"irrelevant_answer","group_id":"group-19011b82f25d1b05","history":[],"position":6,"question":"What is the torque of the filter in the hill mill?","question_key":"5e83e3fdd3d2a03dc25e662ab4c26ef761640ef715a1ec33e1582e893af34329","task_id":"task-aedc1f046eb85a474d9a5582","tenant_id":"mill","trace_id":"trace-0003","user_id":"user-1","why":"another failure (irrelevant answer) that has no groundedness score"}','pending',NULL,NULL,1795306151508813);
INSERT INTO "tasks" VALUES(7,'task-99f3b41d943d78844efde71a','mill','74b37d8fd31bbd0860d9cf3bfb9a9dcf211da06c7432fcfdd5655a36ef7fb702','second',1,'{"answer":"Our hill office ships 842 crates to Norway every winter.","contexts":[{"context_id":"bearing-pressure","doc_id":null,"score":null,"text":"The pressure of the bearing in the hill mill is 31 units.","title":null}],"estimated_minutes":1.14,"failure_type":"hallucination","group_id":"group-9f9575eaa1631af0","history":[],"position":1,"question":"What is the pressure of the bearing in the hill mill?","question_key":"74b37d8fd31bbd0860d9cf3bfb9a9dcf211da06c7432fcfdd5655a36ef7fb702","task_id":"task-99f3b41d943d78844efde71a","tenant_id":"mill","trace_id":"later-0001","user_id":"user-0","why":"stands for a group of 3 (hallucination): hill mill sluice bearing colour"}','pending',NULL,NULL,1795306158627117);
INSERT INTO "tasks" VALUES(8,'task-80e0eb8db45a8dce6945cd79','dam','4a2c09b9b3a0b8c4fe4732573c43ee619b8ef28abaae640514790b6754cee994','second',2,'{"answer":"The lifetime of the motor in the harbour mill is 27 units. Our south office ships 987 crates to Norway every winter.","contexts":[],"estimated_minutes":1.15,"failure_type":"hallucination","group_id":"group-2397fd543fd37754","history":[{"speaker":"user","text":"I am [EMAIL]."}],"position":2,"question":"What is the lifetime of the motor in the harbour mill?","question_key":"4a2c09b9b3a0b8c4fe4732573c43ee619b8ef28abaae640514790b6754cee994","task_id":"task-80e0eb8db45a8dce6945cd79","tenant_id":"dam","trace_id":"later-0000","user_id":"user-4","why":"stands for a group of 2 (hallucination): harbour mill lifetime motor weight"}','pending',NULL,NULL,1795306158627117);
CREATE TABLE tombstones (
	content_hash VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	buried_at BIGINT NOT NULL, 
	PRIMARY KEY (content_hash)
);
INSERT INTO "tombstones" VALUES('ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','asked for',1794823200000000);
CREATE INDEX ix_runs_started_at ON runs (started_at);
CREATE INDEX ix_effects_run_id ON effects (run_id);
CREATE INDEX ix_datasets_content_hash ON datasets (content_hash);
CREATE INDEX ix_subjects_content_hash ON subjects (content_hash);
CREATE INDEX ix_tasks_status_sequence ON tasks (status, sequence);
CREATE INDEX ix_tasks_run_id ON tasks (run_id);
CREATE INDEX ix_approvals_asked_at ON approvals (asked_at);
CREATE INDEX ix_pointer_history_name_sequence ON pointer_history (name, sequence);
CREATE INDEX ix_annotations_task_annotator ON annotations (task_id, annotator);
CREATE INDEX ix_task_events_task_id ON task_events (task_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('datasets',22);
INSERT INTO "sqlite_sequence" VALUES('tasks',8);
INSERT INTO "sqlite_sequence" VALUES('task_events',11);
INSERT INTO "sqlite_sequence" VALUES('annotations',2);
INSERT INTO "sqlite_sequence" VALUES('pointer_history',1);
COMMIT;
