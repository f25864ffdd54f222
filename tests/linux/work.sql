-- SPDX-License-Identifier: MIT
-- A database in a file, with transactions.
.bail on
create table item(id integer primary key, name text unique, price real);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) insert into item select i, 'item ' || i, i * 0.5 from n;
commit;
create index price on item(price);
begin;
delete from item where id > 10;
select 'within', count(*) from item;
rollback;
select 'after', count(*), sum(price) from item;
begin;
update item set price = 0 where id % 2 = 0;
savepoint half;
delete from item;
rollback to half;
commit;
select 'then', count(*), sum(price), max(name) from item;
pragma journal_mode = wal;
insert into item(name) values('last');
pragma wal_checkpoint(truncate);
pragma journal_mode = delete;
vacuum;
pragma integrity_check;
select 'joined', count(*) from item a join item b on a.id = b.id + 1 where a.price > b.price;
